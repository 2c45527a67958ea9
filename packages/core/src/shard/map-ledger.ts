/**
 * What a map with a limit will hold once the records under way are decided. The store knows what it holds now; each record
 * that was appended since adds at most what is noted here, or takes away what it evicts, until its lsn is decided:
 *
 *     limit ≥ charged (decided) + Σ of undecided records        is to hold at each lsn, so it holds on every copy
 *
 * What a record adds is never less than nothing: a removal counts only when it is decided.
 */
import type { Lsn } from '../ids.ts';

/** Emptied places at the start of the list are given back when there are so many. */
const SPARE_MAX = 1_024;

export class MapLedger {
  #lsns: Lsn[] = [];
  #bytes: number[] = [];
  #head = 0;
  #undecidedBytes = 0;

  /** Records of lsns that rise. Negative: it evicts so much. */
  note(lsn: Lsn, bytes: number): void {
    if (bytes === 0) return;
    this.#lsns.push(lsn);
    this.#bytes.push(bytes);
    this.#undecidedBytes += bytes;
  }

  /** What records after `decidedLsn` add, at most. */
  undecidedBytes(decidedLsn: Lsn): number {
    while (this.#head < this.#lsns.length && (this.#lsns[this.#head] as Lsn) <= decidedLsn) {
      this.#undecidedBytes -= this.#bytes[this.#head] as number;
      this.#head++;
    }
    if (this.#head > SPARE_MAX || this.#head === this.#lsns.length) {
      this.#lsns = this.#lsns.slice(this.#head);
      this.#bytes = this.#bytes.slice(this.#head);
      this.#head = 0;
    }
    return this.#undecidedBytes;
  }
}
