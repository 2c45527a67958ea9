/**
 * One transaction of a caller, as the client library makes it: what it reads is noted, what it writes stays here, and all
 * goes in one commit. Callbacks, where the library has promises: a run has no time but the scheduler's.
 */
import type { ClientAnswer, RequestBody } from '@ostraca/client';
import {
  asMapId,
  GridError,
  type LockMode,
  type MapId,
  NewOperation,
  NO_BYTES,
  type RangeCheck,
  type ReadCheck,
} from '@ostraca/core';
import { bytesOf } from './wire-forms.ts';

/** A key of a map that only transactions use. */
export interface TransactionPlace {
  /** In the history. */
  readonly name: string;
  readonly map: MapId;
  readonly isLocked: boolean;
  readonly bytes: Uint8Array;
}

export interface TransactionGround {
  /** `sentEpoch`: of the route by which it went. */
  readonly ask: (
    map: MapId,
    body: RequestBody,
    done: (answer: ClientAnswer | GridError, sentEpoch: number) => void,
  ) => void;
  /** A number for a transaction that takes its first lock. */
  readonly begin: () => number;
  /** Its primary may free its locks. */
  readonly end: (transaction: number) => void;
  /** The primary has ended it. */
  readonly forget: (transaction: number) => void;
  readonly waitMs: number;
  /** Between two steps. */
  readonly pause: (then: () => void) => void;
}

export interface TransactionEnd {
  readonly outcome: 'committed' | 'rolledBack' | 'unknown';
  /** Everything that it touched was locked, and yet it was told that something had changed. */
  readonly isConflictUnderLocks: boolean;
}

const text = new TextDecoder();

export class TransactionRun {
  readonly #ground: TransactionGround;
  readonly #done: (end: TransactionEnd) => void;
  readonly #reads: ReadCheck[] = [];
  readonly #ranges: RangeCheck[] = [];
  /** By name; undefined: absent. */
  readonly #seen = new Map<string, string | undefined>();
  readonly #written = new Map<TransactionPlace, string>();
  readonly #mayWrite = new Set<TransactionPlace>();
  #transaction = 0;
  #beganEpoch = 0;
  #isAllLocked = true;

  constructor(ground: TransactionGround, done: (end: TransactionEnd) => void) {
    this.#ground = ground;
    this.#done = done;
  }

  /** What it has written itself, or what it has seen before, or what is there. */
  read(place: TransactionPlace, mode: LockMode, then: (value: string | undefined) => void): void {
    this.#isAllLocked &&= place.isLocked;
    const { map, bytes, name } = place;
    const isSeen = this.#seen.has(name);
    const isEnough = !place.isLocked || mode === 'shared' || this.#mayWrite.has(place);
    if (isSeen && isEnough) return this.#go(() => then(this.#written.get(place) ?? this.#seen.get(name)));
    const body: RequestBody = place.isLocked
      ? this.#lockBody(mode, [bytes])
      : { kind: 'read', keys: [bytes], withoutValues: false };
    this.#ask(map, body, (answer) => {
      if (answer.type !== 'readAnswer') throw new Error(`a read answered by ${answer.type}`);
      const entry = answer.entries[0];
      const value = entry?.found === true ? text.decode(entry.value) : undefined;
      if (!isSeen) {
        this.#reads.push({ map, key: bytes, epoch: entry?.epoch ?? 0, lsn: entry?.lsn ?? 0 });
        this.#seen.set(name, value);
      }
      if (mode !== 'shared') this.#mayWrite.add(place);
      this.#go(() => then(this.#written.get(place) ?? value));
    });
  }

  /** After a `read` that was not shared. */
  write(place: TransactionPlace, value: string): void {
    this.#written.set(place, value);
  }

  writtenAt(place: TransactionPlace): string | undefined {
    return this.#written.get(place);
  }

  /** All that is there of a map in this partition, by the bytes of its keys as text; without what it has written. */
  scan({ id, isLocked }: { id: MapId; isLocked: boolean }, then: (found: ReadonlyMap<string, string>) => void): void {
    this.#isAllLocked &&= isLocked;
    if (!isLocked) return this.#scanNow(id, then);
    this.#ask(id, this.#lockBody('shared', []), () => this.#scanNow(id, then));
  }

  commit(): void {
    const operations = [...this.#written];
    const checks = [...this.#reads, ...this.#ranges];
    if (operations.length + checks.length === 0) return this.#finish('committed');
    const [transaction, { waitMs }] = [this.#transaction, this.#ground];
    const maps = operations.length > 0 ? operations.map(([place]) => place.map) : checks.map(({ map }) => map);
    const map = asMapId(Math.min(...maps));
    const body: RequestBody = {
      ...{ kind: 'commit', transaction, beganEpoch: this.#beganEpoch, waitMs },
      ...{ reads: this.#reads, ranges: this.#ranges },
      operations: operations.map(([place, value]) => {
        const content = { kind: 'set', key: place.bytes, value: bytesOf(value), mapOffset: place.map - map } as const;
        return new NewOperation({ ...content, ifEpoch: 0, ifLsn: 0, ttlMs: 0, expireAtMs: 0 });
      }),
    };
    this.#ground.ask(map, body, (answer) => {
      if (!(answer instanceof GridError)) {
        if (transaction !== 0) this.#ground.forget(transaction);
        return this.#finish('committed');
      }
      if (transaction !== 0) this.#ground.end(transaction);
      // One that writes nothing has no outcome that anybody could miss.
      const isUnknown = answer.outcome === 'unknown' && operations.length > 0;
      const isConflictUnderLocks = answer.code === 'version_conflict' && this.#isAllLocked;
      this.#finish(isUnknown ? 'unknown' : 'rolledBack', isConflictUnderLocks);
    });
  }

  #scanNow(map: MapId, then: (found: ReadonlyMap<string, string>) => void): void {
    const page = { resumed: false, afterHash: 0, limit: 1_000, prefix: NO_BYTES, withoutValues: false };
    this.#ask(map, { kind: 'scan', ...page }, (answer) => {
      if (answer.type !== 'scanAnswer' || !answer.done) throw new Error('a scan in one page');
      this.#ranges.push({ map, lsn: answer.lsn, clockMs: answer.clockMs });
      const found = new Map(answer.entries.map(({ key, value }) => [text.decode(key), text.decode(value)]));
      this.#go(() => then(found));
    });
  }

  #lockBody(mode: LockMode, keys: readonly Uint8Array[]): RequestBody {
    if (this.#transaction === 0) this.#transaction = this.#ground.begin();
    const { waitMs } = this.#ground;
    return { kind: 'lock', transaction: this.#transaction, mode, keys, withoutValues: false, waitMs };
  }

  #go(then: () => void): void {
    this.#ground.pause(then);
  }

  #ask(map: MapId, body: RequestBody, then: (answer: ClientAnswer) => void): void {
    this.#ground.ask(map, body, (answer, sentEpoch) => {
      if (this.#beganEpoch === 0) this.#beganEpoch = sentEpoch;
      if (!(answer instanceof GridError) && sentEpoch === this.#beganEpoch) return then(answer);
      if (this.#transaction !== 0) this.#ground.end(this.#transaction);
      this.#finish('rolledBack');
    });
  }

  #finish(outcome: TransactionEnd['outcome'], isConflictUnderLocks = false): void {
    this.#done({ outcome, isConflictUnderLocks });
  }
}
