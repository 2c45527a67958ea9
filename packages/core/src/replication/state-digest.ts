/**
 * Whether two replicas hold the same, without reading a map: the digest of a shard's state is kept up with each write.
 *
 *     decided   … 999   1000    1001          each shard notes its digest when 1000 is decided
 *     primary              └──▶ record 1007   the next record that it appends carries (1000, digest)
 *     replica             1000                compares as soon as it has both
 *
 * The digest of an lsn follows from the decided log up to it alone: nothing of clocks, of leases, of what was sent or
 * received goes into it. So a difference is a fault of memory or of this code, never of timing. A replica that differs
 * says so and begins again by a checkpoint; a checkpoint carries the digest of where it ends, and is compared too.
 */
import type { Lsn } from '../ids.ts';
import type { Shard } from '../shard/shard.ts';
import { mix32 } from '../store/entry-digest.ts';

/** A replica may be so many points ahead of the record that tells of one, or behind. */
const KEPT_COUNT = 8;

/** The last few digests that a shard noted. */
export class StateDigests {
  /** At lsns that this divides. */
  readonly everyLsns: number;
  readonly #lsns = new Array<Lsn>(KEPT_COUNT).fill(0);
  readonly #digests = new Array<number>(KEPT_COUNT).fill(0);
  #lastLsn: Lsn = 0;

  constructor(everyLsns: number) {
    this.everyLsns = everyLsns;
  }

  /** 0: none yet. */
  get lastLsn(): Lsn {
    return this.#lastLsn;
  }

  note(lsn: Lsn, digest: number): void {
    const at = this.#indexOf(lsn);
    this.#lsns[at] = lsn;
    this.#digests[at] = digest;
    this.#lastLsn = lsn;
  }

  /** Undefined: never noted, or too long ago. */
  at(lsn: Lsn): number | undefined {
    const at = this.#indexOf(lsn);
    return lsn > 0 && this.#lsns[at] === lsn ? this.#digests[at] : undefined;
  }

  #indexOf(lsn: Lsn): number {
    return Math.floor(lsn / this.everyLsns) % KEPT_COUNT;
  }
}

/** Of all decided entries: 32 bits. */
export function stateDigestOf({ maps }: Pick<Shard, 'maps'>): number {
  let digest = 0;
  for (const [map, entries] of maps) {
    if (entries.count > 0) digest ^= mix32(entries.digest ^ Math.imul(map + 1, 0x27d4eb2f) ^ entries.count);
  }
  return digest >>> 0;
}

export interface DigestDifference {
  readonly lsn: Lsn;
  readonly own: number;
  readonly told: number;
}

/** What was noted here against what the log says of the same lsn; undefined: equal, or one of them is not known. */
export function differenceAt(shard: Shard, lsn: Lsn): DigestDifference | undefined {
  const own = shard.digests.at(lsn);
  const told = shard.log.digestAt(lsn);
  return own === undefined || told === undefined || own === told ? undefined : { lsn, own, told };
}
