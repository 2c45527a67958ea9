/**
 * Reads at copies that are not primary, in the modes that may be answered there. A copy's maps hold decided entries
 * only (I-DIRTY), so whatever it answers was true once; what each mode adds is how long ago that may be.
 *
 *     eventual   whatever is decided here
 *     session    waits until everything up to the caller's token is applied here
 *     bounded    waits until the state is as fresh as the bound asks
 *
 * Freshness needs no comparison of clocks: the replica polls its primary at `t` by its own clock; the primary answers
 * only while it may read (L1), with what it has decided; once that is applied here, the state is as fresh as `t`.
 *
 *     replica  ──poll t──▶  primary: may read, decided 41
 *              ◀──41──      … 39 40 41 applied: as fresh as t
 *
 * Who waits too long, or for a copy that is none any more, is sent to the primary (`not_primary`).
 */
import type { Incarnation, Lsn, PartitionId } from '../ids.ts';
import type { FreshAck, FreshPoll, Read } from '../messages.ts';
import { mayRead } from '../replication/primary.ts';
import type { ShardPorts } from './ports.ts';
import { readEntries } from './read-entries.ts';
import type { PendingRequest } from './request.ts';
import type { Shard } from './shard.ts';

/** Longer than this nobody waits for a replica while there is a primary. */
const WAIT_MS_MAX = 500;
/** A poll without an answer is repeated after this. */
const POLL_AGAIN_MS = 100;
/** Answers that wait to be reached; more only if the replica is far behind. */
const MARKS_MAX = 32;
const NEVER_MS = Number.NEGATIVE_INFINITY;

/** Once everything up to `lsn` is applied, the state is as fresh as `asOfMs`, by the replica's clock. */
interface Mark {
  readonly asOfMs: number;
  readonly lsn: Lsn;
  readonly clockMs: number;
}

/** How fresh a copy is. */
interface View {
  /** Of `forgetFreshness`: what was learnt before is not believed any more. */
  era: number;
  asOfMs: number;
  /** What expires up to here is expired. Rises only. */
  clockMs: number;
  polledMs: number;
  marks: Mark[];
}

export interface ReplicaRead extends PendingRequest {
  readonly message: Read;
}

export class ReplicaReads {
  readonly #ports: ShardPorts;
  readonly #shardOf: (partition: PartitionId) => Shard | undefined;
  readonly #views = new WeakMap<Shard, View>();
  readonly #waiting = new Map<Shard, ReplicaRead[]>();
  #era = 0;

  constructor(ports: ShardPorts, shardOf: (partition: PartitionId) => Shard | undefined) {
    this.#ports = ports;
    this.#shardOf = shardOf;
  }

  get waitingCount(): number {
    let count = 0;
    for (const reads of this.#waiting.values()) count += reads.length;
    return count;
  }

  /** The machine slept: nobody knows how old what is here has become. */
  forgetFreshness(): void {
    this.#era += 1;
  }

  submit(shard: Shard, read: ReplicaRead): void {
    if (!this.#isReadable(shard, read)) return this.#sendToPrimary(read, 'no copy of this epoch is here');
    if (this.#isReady(shard, read)) return this.#answer(shard, read);
    const waiting = this.#waiting.get(shard);
    if (waiting === undefined) this.#waiting.set(shard, [read]);
    else waiting.push(read);
  }

  /** At the end of every turn: who waited for what was applied in it is answered, and who needs to know more asks. */
  settle(): void {
    const asked = new Map<Incarnation, Shard[]>();
    for (const [shard, reads] of this.#waiting) {
      const left = reads.filter((read) => !this.#tryAnswer(shard, read));
      if (left.length === 0) this.#waiting.delete(shard);
      else this.#waiting.set(shard, left);
      if (!left.some((read) => this.#needsPoll(shard, read))) continue;
      const { incarnation } = shard.config.primary;
      const shards = asked.get(incarnation);
      if (shards === undefined) asked.set(incarnation, [shard]);
      else shards.push(shard);
    }
    for (const [incarnation, shards] of asked) this.#poll(incarnation, shards);
  }

  onFreshAck(ack: FreshAck, from: Incarnation): void {
    if (ack.leaseGen !== this.#ports.leaseGen()) return;
    ack.partitions.forEach((partition, index) => {
      const shard = this.#shardOf(partition);
      const lsn = ack.lsns[index];
      if (shard === undefined || lsn === undefined || !follows(shard) || shard.epoch !== ack.epochs[index]) return;
      if (shard.config.primary.incarnation !== from) return;
      const { marks } = this.#viewOf(shard);
      if (marks.length < MARKS_MAX) marks.push({ asOfMs: ack.sentAtMs, lsn, clockMs: ack.clocksMs[index] ?? 0 });
    });
  }

  #isReady(shard: Shard, { message, receivedMs }: ReplicaRead): boolean {
    switch (message.mode) {
      case 'eventual':
        return true;
      case 'session':
        if (this.#ports.mutated('tokenIgnored')) return true;
        return follows(shard) && shard.decidedLsn >= message.minLsn;
      case 'bounded': {
        if (this.#ports.mutated('staleReplicaRead')) return true;
        const { asOfMs } = this.#viewOf(shard);
        return asOfMs >= receivedMs || this.#ports.leaseNowMs() - asOfMs <= message.maxStalenessMs;
      }
      default:
        return false;
    }
  }

  /** @returns whether it is over: answered, sent on, or given up by its caller. */
  #tryAnswer(shard: Shard, read: ReplicaRead): boolean {
    const nowMs = this.#ports.nowMs();
    if (!this.#ports.isOpen(read.connection)) return true;
    if (!this.#isReadable(shard, read)) this.#sendToPrimary(read, 'no copy of this epoch is here any more');
    else if (this.#isReady(shard, read)) this.#answer(shard, read);
    else if (nowMs - read.receivedMs >= WAIT_MS_MAX || nowMs >= read.deadlineMs) {
      this.#sendToPrimary(read, 'the replica is behind');
    } else return false;
    return true;
  }

  #isReadable(shard: Shard, { message }: ReplicaRead): boolean {
    return (
      shard.policy.replicaReadEnabled &&
      this.#shardOf(shard.partition) === shard &&
      shard.primary === undefined &&
      shard.loading === undefined &&
      shard.epoch === message.epoch
    );
  }

  #needsPoll(shard: Shard, { message, receivedMs }: ReplicaRead): boolean {
    if (message.mode !== 'bounded' || !follows(shard)) return false;
    const { polledMs } = this.#viewOf(shard);
    return polledMs < receivedMs || this.#ports.nowMs() - polledMs >= POLL_AGAIN_MS;
  }

  #poll(incarnation: Incarnation, shards: readonly Shard[]): void {
    const sentAtMs = this.#ports.nowMs();
    for (const shard of shards) this.#viewOf(shard).polledMs = sentAtMs;
    this.#ports.toFollower(incarnation, {
      type: 'freshPoll',
      sentAtMs,
      leaseGen: this.#ports.leaseGen(),
      partitions: shards.map(({ partition }) => partition),
      epochs: shards.map(({ epoch }) => epoch),
    });
  }

  #answer(shard: Shard, read: ReplicaRead): void {
    const { message } = read;
    const view = this.#viewOf(shard);
    const clockMs = Math.max(view.clockMs, message.minClockMs);
    const entries = readEntries(shard, message, ({ expireAtMs }) => expireAtMs > 0 && expireAtMs <= clockMs);
    // Only of a copy that its primary has reconciled is it known that its records are the partition's.
    const lsn = follows(shard) ? shard.decidedLsn : 0;
    this.#ports.answer(read, { type: 'readAnswer', id: message.id, entries, lsn, clockMs });
  }

  #sendToPrimary(read: ReplicaRead, reason: string): void {
    this.#ports.answerError(read, 'not_primary', { partition: read.message.partition, reason });
  }

  /** With what was reached by now. */
  #viewOf(shard: Shard): View {
    let view = this.#views.get(shard);
    if (view === undefined) {
      view = { era: this.#era, asOfMs: NEVER_MS, clockMs: 0, polledMs: NEVER_MS, marks: [] };
      this.#views.set(shard, view);
    }
    if (view.era !== this.#era)
      Object.assign(view, { era: this.#era, asOfMs: NEVER_MS, polledMs: NEVER_MS, marks: [] });
    for (let mark = view.marks[0]; mark !== undefined && mark.lsn <= shard.decidedLsn; mark = view.marks[0]) {
      view.marks.shift();
      view.asOfMs = Math.max(view.asOfMs, mark.asOfMs);
      view.clockMs = Math.max(view.clockMs, mark.clockMs);
    }
    return view;
  }
}

/** Opened by the primary of its epoch: what it holds is the beginning of that one's log. */
function follows(shard: Shard): boolean {
  return shard.opened !== undefined && shard.opened.epoch === shard.epoch;
}

/** The primary's side. While inherited records have no outcome, what was acknowledged before lies beyond what is decided. */
export function answerFreshPoll(poll: FreshPoll, shards: ReadonlyMap<PartitionId, Shard>, ports: ShardPorts): FreshAck {
  const partitions: PartitionId[] = [];
  const epochs: number[] = [];
  const lsns: Lsn[] = [];
  const clocksMs: number[] = [];
  poll.partitions.forEach((partition, index) => {
    const shard = shards.get(partition);
    const primary = shard?.primary;
    if (shard === undefined || primary === undefined || shard.epoch !== poll.epochs[index]) return;
    if (shard.decidedLsn < primary.startLsn) return;
    if (!ports.mutated('freshWithoutLease') && !mayRead(shard, primary, ports)) return;
    partitions.push(partition);
    epochs.push(shard.epoch);
    lsns.push(shard.decidedLsn);
    clocksMs.push(shard.expiry.seenMs);
  });
  const { sentAtMs, leaseGen } = poll;
  return { type: 'freshAck', sentAtMs, leaseGen, partitions, epochs, lsns, clocksMs };
}
