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
import { assert } from '../assert.ts';
import type { Epoch, Lsn } from '../ids.ts';
import type { EpochEnd, LogRecord } from '../messages.ts';

export class Log {
  #baseLsn: Lsn;
  #baseEpoch: Epoch;
  /** Records of baseLsn + 1 onwards, from index #head. */
  #records: LogRecord[] = [];
  #head = 0;
  #ends: { epoch: Epoch; lastLsn: Lsn }[] = [];
  #bytes = 0;
  readonly #abortedBy = new Map<Lsn, Lsn>();
  readonly #placeholders = new Set<Lsn>();
  readonly #digests = new Map<Lsn, number>();

  constructor(baseLsn: Lsn, baseEpoch: Epoch) {
    this.#baseLsn = baseLsn;
    this.#baseEpoch = baseEpoch;
  }

  get baseLsn(): Lsn {
    return this.#baseLsn;
  }

  get lastLsn(): Lsn {
    return this.#baseLsn + this.#records.length - this.#head;
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
    const record = this.#records[this.#head + lsn - this.#baseLsn - 1];
    assert(record !== undefined && record.lsn === lsn, 'the log holds this lsn');
    return record;
  }

  /** Of a retained record or of the base. */
  epochAt(lsn: Lsn): Epoch {
    return lsn === this.#baseLsn ? this.#baseEpoch : this.at(lsn).epoch;
  }

  append(record: LogRecord): void {
    assert(record.lsn === this.lastLsn + 1, 'lsns are dense');
    assert(record.epoch >= this.lastEpoch, 'epochs never fall along a log');
    this.#records.push(record);
    this.#bytes += recordBytes(record);
    for (const lsn of record.aborted) this.#abortedBy.set(lsn, record.lsn);
    if (record.digestLsn > 0) this.#digests.set(record.digestLsn, record.stateDigest);
    const end = this.#ends.at(-1);
    if (end !== undefined && end.epoch === record.epoch) end.lastLsn = record.lsn;
    else this.#ends.push({ epoch: record.epoch, lastLsn: record.lsn });
  }

  appendPlaceholder(record: LogRecord): void {
    this.append(record);
    this.#placeholders.add(record.lsn);
  }

  /** The lsn of the record that rolls `lsn` back, or undefined. */
  abortRecordOf(lsn: Lsn): Lsn | undefined {
    return this.#abortedBy.get(lsn);
  }

  /** Rolled-back records with the record that says so. */
  aborts(): ReadonlyMap<Lsn, Lsn> {
    return this.#abortedBy;
  }

  /** What a record that is held says of the state at `lsn`. */
  digestAt(lsn: Lsn): number | undefined {
    return this.#digests.get(lsn);
  }

  cutAfter(lsn: Lsn): void {
    assert(lsn >= this.#baseLsn, 'the cut is not before the base');
    while (this.lastLsn > lsn) {
      const record = this.#records.pop() as LogRecord;
      this.#bytes -= recordBytes(record);
      for (const aborted of record.aborted) this.#abortedBy.delete(aborted);
      this.#digests.delete(record.digestLsn);
      this.#placeholders.delete(record.lsn);
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
    for (let at = this.#baseLsn + 1; at <= to; at++) {
      const record = this.at(at);
      this.#bytes -= recordBytes(record);
      // Not before its own abort record goes: who holds the record only must not take it for committed.
      for (const aborted of record.aborted) this.#abortedBy.delete(aborted);
      this.#digests.delete(record.digestLsn);
      this.#placeholders.delete(at);
    }
    this.#head += to - this.#baseLsn;
    this.#baseLsn = to;
    this.#baseEpoch = baseEpoch;
    while (this.#ends[0] !== undefined && this.#ends[0].lastLsn <= to) this.#ends.shift();
    if (this.#head > 1_024 && this.#head * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#head);
      this.#head = 0;
    }
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
