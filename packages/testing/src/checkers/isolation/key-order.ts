import { must } from '@ostraca/core';

export interface Append {
  readonly value: number;
  /** The transaction that appended it, as its place in the history. */
  readonly by: number;
  /** Rises from append to append within a transaction. */
  readonly ordinal: number;
  /** In the longest list that was read; -1: nobody has read it. */
  position: number;
}

/**
 * One key: what was appended to it, and in which order, as far as reads tell. Lists only grow, so every list that is
 * read must be a beginning of the longest one, and what is missing in the longest comes after it.
 */
export class KeyOrder {
  readonly key: string;
  readonly appends = new Map<number, Append>();
  /** What each transaction appended last: its other appends are intermediate. */
  readonly lastOf = new Map<number, Append>();
  longest: readonly number[] = [];
  /** Who read it. */
  longestBy = -1;
  /** Reads contradict each other, so they tell nothing of who comes before whom. */
  isBroken = false;
  /** Installed appends in their order, then those that nobody has read (see `seenCount`), in no order. */
  installed: Append[] = [];
  seenCount = 0;
  private installedUpTo: Int32Array | undefined;

  constructor(key: string) {
    this.key = key;
  }

  /** Only what `counts` lets pass is part of the order: what was rolled back never was. */
  settle(counts: (transaction: number) => boolean): void {
    const upTo = new Int32Array(this.longest.length + 1);
    this.longest.forEach((value, index) => {
      const append = this.appends.get(value);
      if (append !== undefined && counts(append.by)) this.installed.push(append);
      upTo[index + 1] = this.installed.length;
    });
    this.installedUpTo = upTo;
    this.seenCount = this.installed.length;
    for (const append of this.appends.values()) {
      if (append.position < 0 && counts(append.by)) this.installed.push(append);
    }
  }

  /** How many installed appends a list of this length holds. */
  versionAt(length: number): number {
    return must(must(this.installedUpTo, 'settled')[length], 'no read is longer than the longest');
  }

  at(index: number): Append {
    return must(this.installed[index], 'an installed append');
  }

  /** The values of a version, for words. */
  valuesOf(version: number): number[] {
    return this.installed.slice(0, version).map(({ value }) => value);
  }
}
