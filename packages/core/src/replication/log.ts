/**
 * A partition's log: dense lsns, each record identified by (epoch, lsn). Two logs that agree on (epoch, lsn) of one
 * record agree on everything before it, so a log's shape is told by where each epoch ends (`tail`).
 *
 *     base          records                         last
 *     (e1, 40) │ (e1, 41) (e1, 42) (e3, 43) (e3, 44)       tail: [e1:40] e1:42 e3:44
 *
 * Only what is needed by members of the in-sync set, by eligible replicas and by retention is kept: `trimTo` moves
 * the base. A placeholder stands for a record that this replica refused.
 */
import { assert, must } from '../assert.ts';
import type { Epoch, Lsn } from '../ids.ts';
import type { EpochEnd, LogRecord } from '../messages.ts';
import { PackedRecords } from './packed-records.ts';

export class Log {
  #baseLsn: Lsn;
  #baseEpoch: Epoch;
  /** Decided ones, from baseLsn + 1. */
  readonly #packed = new PackedRecords();
  /** Those after them, from index #head. */
  #records: (LogRecord | undefined)[] = [];
  #head = 0;
  /** By recordBytes, of all of them, from index #firstSize. */
  #sizes: number[] = [];
  #firstSize = 0;
  #ends: { epoch: Epoch; lastLsn: Lsn }[] = [];
  #bytes = 0;
  readonly #abortedBy = new Map<Lsn, Lsn>();
  readonly #placeholders = new Set<Lsn>();
  readonly #digests = new Map<Lsn, number>();
  /** By the lsn of the record that says something of others, or of a digest: it is forgotten with the record. */
  readonly #aborts = new Map<Lsn, readonly Lsn[]>();
  readonly #digestLsns = new Map<Lsn, Lsn>();

  constructor(baseLsn: Lsn, baseEpoch: Epoch) {
    this.#baseLsn = baseLsn;
    this.#baseEpoch = baseEpoch;
  }

  get baseLsn(): Lsn {
    return this.#baseLsn;
  }

  get lastLsn(): Lsn {
    return this.#baseLsn + this.#packed.count + this.#records.length - this.#head;
  }

  get lastEpoch(): Epoch {
    return this.#ends.at(-1)?.epoch ?? this.#baseEpoch;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get placeholders(): ReadonlySet<Lsn> {
    return this.#placeholders;
  }

  at(lsn: Lsn): LogRecord {
    const index = lsn - this.#baseLsn - 1;
    const packedCount = this.#packed.count;
    const record = index < packedCount ? this.#packed.read(index) : this.#records[this.#head + index - packedCount];
    assert(record !== undefined && record.lsn === lsn, 'the log holds this lsn');
    return record;
  }

  /** What the record counts for, without looking at it. */
  bytesAt(lsn: Lsn): number {
    return must(this.#sizes[this.#firstSize + lsn - this.#baseLsn - 1], 'the log holds this lsn');
  }

  /** Of a retained record or of the base. */
  epochAt(lsn: Lsn): Epoch {
    if (lsn === this.#baseLsn) return this.#baseEpoch;
    assert(lsn > this.#baseLsn && lsn <= this.lastLsn, 'the log holds this lsn');
    for (let index = this.#ends.length - 1; index > 0; index--) {
      if ((this.#ends[index - 1]?.lastLsn ?? 0) < lsn) return must(this.#ends[index], 'end').epoch;
    }
    return must(this.#ends[0], 'a record has an epoch').epoch;
  }

  /** Its operations may be views of the frame that they came in: that stays in memory until the record is decided. */
  append(record: LogRecord): void {
    assert(record.lsn === this.lastLsn + 1, 'lsns are dense');
    assert(record.epoch >= this.lastEpoch, 'epochs never fall along a log');
    const bytes = recordBytes(record);
    this.#records.push(record);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
    if (record.aborted.length > 0) {
      this.#aborts.set(record.lsn, record.aborted);
      for (const lsn of record.aborted) this.#abortedBy.set(lsn, record.lsn);
    }
    if (record.digestLsn > 0) {
      this.#digests.set(record.digestLsn, record.stateDigest);
      this.#digestLsns.set(record.lsn, record.digestLsn);
    }
    const end = this.#ends.at(-1);
    if (end !== undefined && end.epoch === record.epoch) end.lastLsn = record.lsn;
    else this.#ends.push({ epoch: record.epoch, lastLsn: record.lsn });
  }

  appendPlaceholder(record: LogRecord): void {
    this.append(record);
    this.#placeholders.add(record.lsn);
  }

  /** The first that is not packed yet is decided: it is kept as bytes from now on. */
  packNext(lsn: Lsn): void {
    const record = must(this.#records[this.#head], 'a record to pack');
    assert(record.lsn === lsn, 'records are packed in their order');
    this.#packed.push(record);
    // Else it would live on, with its frame, until the list is made anew.
    this.#records[this.#head] = undefined;
    this.#head++;
    if (this.#head === this.#records.length) {
      this.#records.length = 0;
      this.#head = 0;
    } else if (this.#head > 1_024 && this.#head * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#head);
      this.#head = 0;
    }
  }

  /** The lsn of the record that rolls `lsn` back, or undefined. */
  abortRecordOf(lsn: Lsn): Lsn | undefined {
    return this.#abortedBy.size === 0 ? undefined : this.#abortedBy.get(lsn);
  }

  /** Rolled-back records with the record that says so. */
  aborts(): ReadonlyMap<Lsn, Lsn> {
    return this.#abortedBy;
  }

  /** What a record that is held says of the state at `lsn`. */
  digestAt(lsn: Lsn): number | undefined {
    return this.#digests.size === 0 ? undefined : this.#digests.get(lsn);
  }

  cutAfter(lsn: Lsn): void {
    assert(lsn >= this.#baseLsn, 'the cut is not before the base');
    assert(lsn >= this.#baseLsn + this.#packed.count, 'nothing decided is cut');
    for (let last = this.lastLsn; last > lsn; last--) {
      this.#records.pop();
      this.#bytes -= must(this.#sizes.pop(), 'a size of each');
      this.#forget(last);
    }
    while (this.#ends.length > 0 && (this.#ends.at(-2)?.lastLsn ?? this.#baseLsn) >= lsn) this.#ends.pop();
    const end = this.#ends.at(-1);
    if (end !== undefined) end.lastLsn = Math.min(end.lastLsn, lsn);
  }

  /** Forgets the records up to and including `lsn`. */
  trimTo(lsn: Lsn): void {
    const to = Math.min(lsn, this.lastLsn);
    if (to <= this.#baseLsn) return;
    const baseEpoch = this.epochAt(to);
    const hasMore = this.#aborts.size + this.#digestLsns.size + this.#placeholders.size > 0;
    for (let at = this.#baseLsn + 1; at <= to; at++) {
      this.#bytes -= this.bytesAt(at);
      if (hasMore) this.#forget(at);
    }
    const count = to - this.#baseLsn;
    const packed = Math.min(count, this.#packed.count);
    this.#packed.drop(packed);
    this.#head += count - packed;
    this.#firstSize += count;
    this.#baseLsn = to;
    this.#baseEpoch = baseEpoch;
    while (this.#ends[0] !== undefined && this.#ends[0].lastLsn <= to) this.#ends.shift();
    if (this.#firstSize > 1_024 && this.#firstSize * 2 > this.#sizes.length) {
      this.#sizes = this.#sizes.slice(this.#firstSize);
      this.#firstSize = 0;
    }
  }

  /** An abort not before its own record goes: who holds the aborted record only must not take it for committed. */
  #forget(lsn: Lsn): void {
    for (const aborted of this.#aborts.get(lsn) ?? []) this.#abortedBy.delete(aborted);
    this.#aborts.delete(lsn);
    const digestLsn = this.#digestLsns.get(lsn);
    if (digestLsn !== undefined) this.#digests.delete(digestLsn);
    this.#digestLsns.delete(lsn);
    this.#placeholders.delete(lsn);
  }

  /** Where each epoch ends, the base first. */
  tail(): EpochEnd[] {
    return [{ epoch: this.#baseEpoch, lastLsn: this.#baseLsn }, ...this.#ends.map((end) => ({ ...end }))];
  }

  /** The highest lsn at which this log and the one with `tail` hold the same record (N2); undefined if none is known. */
  lastCommonLsn(tail: readonly EpochEnd[]): Lsn | undefined {
    let common: Lsn | undefined;
    const ours = rangesOf(this.tail());
    const theirs = rangesOf(tail);
    for (const a of ours) {
      for (const b of theirs) {
        if (a.epoch !== b.epoch) continue;
        const lsn = Math.min(a.to, b.to);
        if (lsn < Math.max(a.from, b.from)) continue;
        if (common === undefined || lsn > common) common = lsn;
      }
    }
    return common;
  }
}

/** The base is known at its own lsn only. */
function rangesOf(tail: readonly EpochEnd[]): { epoch: Epoch; from: Lsn; to: Lsn }[] {
  return tail.map(({ epoch, lastLsn }, index) => {
    const previous = tail[index - 1];
    return { epoch, from: previous === undefined ? lastLsn : previous.lastLsn + 1, to: lastLsn };
  });
}

const RECORD_OVERHEAD_BYTES = 100;

export function recordBytes(record: LogRecord): number {
  let bytes = RECORD_OVERHEAD_BYTES;
  for (const { key, value } of record.operations) bytes += key.length + value.length;
  return bytes;
}
