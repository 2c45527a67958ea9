/**
 * The primary's part of near caches: who keeps entries of which map near, and up to where each was told what changed.
 *
 *     client ──nearPoll──▶ it is told at once, and again at the end of every turn in which something changed
 *        ◀──nearChanges── a dense range of lsns and the keys that changed in it
 *
 * NC1. Ranges are dense. What cannot be told any more (the log has been trimmed) leaves a gap, which the client sees.
 * NC2. `fresh` is said only by who may read (L1), when all that it knows to be decided has been told.
 * NC3. There is no queue: the log is one. A client that acknowledges nothing is told nothing more (`nearUnackedBytes`).
 */
import type { ConnectionId, Lsn, MapId, PartitionId } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import type { NearChanges, NearPoll } from '../messages.ts';
import { mayRead, type Primary } from '../replication/primary.ts';
import { changesAfter, holdsAfter, type KeyChanges } from '../shard/near-changes.ts';
import type { ShardPorts } from '../shard/ports.ts';
import type { Shard } from '../shard/shard.ts';

/** Who has not polled for so long has gone on to something else. */
const SILENCE_MS_MAX = 30_000;
/** What one message costs beside its keys. */
const MESSAGE_BYTES = 64;

interface Subscriber {
  readonly connection: ConnectionId;
  readonly map: MapId;
  /** The end of the last range that was sent. */
  toldLsn: Lsn;
  /** What lies between the two changed nothing in its map. */
  seenLsn: Lsn;
  polledMs: number;
  /** Sent since the range that ended at `markLsn`, and since then acknowledged or not. */
  unackedBytes: number;
  markLsn: Lsn;
  bytesSinceMark: number;
  /** An answer to this client told of the partition's present lsn: its near reads wait for that. */
  isOwed: boolean;
}

/** Of one partition while it has one primary. */
interface Subscribed {
  readonly shard: Shard;
  readonly primary: Primary;
  readonly subscribers: Map<ConnectionId, Subscriber[]>;
  /** The last flush left nothing to tell up to here. */
  flushedLsn: Lsn;
  isOwed: boolean;
}

export interface NearSubscriptionsOptions {
  readonly ports: ShardPorts;
  readonly shardOf: (partition: PartitionId) => Shard | undefined;
  readonly send: (connection: ConnectionId, message: NearChanges) => void;
}

export class NearSubscriptions {
  readonly #options: NearSubscriptionsOptions;
  readonly #partitions = new Map<PartitionId, Subscribed>();
  /** Most subscribers of a map have been told as much as each other: the log is read once for all of them. */
  #last: { shard: Shard; map: MapId; afterLsn: Lsn; changes: KeyChanges } | undefined;

  constructor(options: NearSubscriptionsOptions) {
    this.#options = options;
  }

  get count(): number {
    let count = 0;
    for (const { subscribers } of this.#partitions.values())
      for (const each of subscribers.values()) count += each.length;
    return count;
  }

  /** Of a map of this partition. */
  onPoll(connection: ConnectionId, poll: NearPoll): void {
    const shard = this.#options.shardOf(poll.partition);
    const primary = shard?.primary;
    if (shard === undefined || primary === undefined || shard.epoch !== poll.epoch) return;
    const subscribed = this.#subscribedOf(shard, primary);
    const subscriber = this.#subscriberOf(subscribed, connection, poll);
    subscriber.polledMs = this.#options.ports.nowMs();
    acknowledge(subscriber, poll.afterLsn);
    this.#tell(shard, subscriber, poll);
  }

  /** After an answer to a request for this partition. */
  onAnswered(connection: ConnectionId, partition: PartitionId): void {
    const subscribed = this.#partitions.get(partition);
    const own = subscribed?.subscribers.get(connection);
    if (subscribed === undefined || own === undefined) return;
    for (const subscriber of own) subscriber.isOwed = true;
    subscribed.isOwed = true;
  }

  onClose(connection: ConnectionId): void {
    for (const { subscribers } of this.#partitions.values()) subscribers.delete(connection);
  }

  /** At the end of every turn. */
  flush(): void {
    for (const [partition, subscribed] of this.#partitions) {
      const { shard, primary, subscribers } = subscribed;
      if (shard.primary !== primary || subscribers.size === 0 || this.#options.shardOf(partition) !== shard) {
        this.#partitions.delete(partition);
      } else if (shard.decidedLsn > subscribed.flushedLsn || subscribed.isOwed) this.#flush(subscribed);
    }
  }

  #flush(subscribed: Subscribed): void {
    const { shard, subscribers } = subscribed;
    const silentSinceMs = this.#options.ports.nowMs() - SILENCE_MS_MAX;
    for (const [connection, own] of subscribers) {
      const left = own.filter(({ polledMs }) => polledMs >= silentSinceMs);
      if (left.length === 0) subscribers.delete(connection);
      else if (left.length < own.length) subscribers.set(connection, left);
      for (const subscriber of left) this.#tell(shard, subscriber);
    }
    subscribed.flushedLsn = shard.decidedLsn;
    subscribed.isOwed = false;
    // Keys are kept alive by nobody's memory of them.
    this.#last = undefined;
  }

  #tell(shard: Shard, subscriber: Subscriber, poll?: NearPoll): void {
    const isHeld = subscriber.unackedBytes > LIMITS.nearUnackedBytes;
    const changes = isHeld ? nothingAfter(subscriber.toldLsn) : this.#changesFor(shard, subscriber);
    const isOwed = subscriber.isOwed && changes.toLsn >= changes.fromLsn;
    // Told at once, and never passed over: the next range would take in what nobody has looked at.
    const isGap = changes.fromLsn > subscriber.toldLsn + 1;
    subscriber.isOwed = false;
    if (poll === undefined && !isOwed && !isGap && !changes.allKeys && changes.keys.length === 0) {
      subscriber.seenLsn = changes.toLsn;
      return;
    }
    const fresh = poll !== undefined && changes.toLsn >= shard.decidedLsn && this.#mayVouch(shard);
    subscriber.toldLsn = changes.toLsn;
    subscriber.seenLsn = changes.toLsn;
    subscriber.unackedBytes += changes.bytes + MESSAGE_BYTES;
    subscriber.bytesSinceMark += changes.bytes + MESSAGE_BYTES;
    const { fromLsn, toLsn, allKeys, keys } = changes;
    this.#options.send(subscriber.connection, {
      type: 'nearChanges',
      ...{ partition: shard.partition, epoch: shard.epoch, map: subscriber.map, fromLsn, toLsn, allKeys, keys },
      ...{ clockMs: shard.expiry.seenMs, fresh, sentMs: poll?.sentMs ?? 0 },
    });
  }

  #changesFor(shard: Shard, { map, toldLsn, seenLsn }: Subscriber): KeyChanges {
    // What lies before the log's beginning can be told by nobody any more: the range begins after it (NC1).
    if (!holdsAfter(shard, seenLsn)) return nothingAfter(shard.decidedLsn);
    const last = this.#last;
    const isSame = last?.shard === shard && last.map === map && last.afterLsn === seenLsn;
    if (isSame && last.changes.toLsn >= shard.decidedLsn) return { ...last.changes, fromLsn: toldLsn + 1 };
    const omits = (lsn: Lsn): boolean => this.#options.ports.mutated('nearSkipsChange') && lsn % 4 === 0;
    const changes = changesAfter(shard, { map, afterLsn: seenLsn }, omits);
    this.#last = { shard, map, afterLsn: seenLsn, changes };
    return { ...changes, fromLsn: toldLsn + 1 };
  }

  /** While inherited records have no outcome, what was acknowledged before lies beyond what is decided. */
  #mayVouch(shard: Shard): boolean {
    const { ports } = this.#options;
    const { primary } = shard;
    if (primary === undefined || shard.decidedLsn < primary.startLsn) return false;
    return ports.mutated('freshWithoutLease') || mayRead(shard, primary, ports);
  }

  #subscribedOf(shard: Shard, primary: Primary): Subscribed {
    const held = this.#partitions.get(shard.partition);
    if (held !== undefined && held.shard === shard && held.primary === primary) return held;
    const subscribed = { shard, primary, subscribers: new Map(), flushedLsn: shard.decidedLsn, isOwed: false };
    this.#partitions.set(shard.partition, subscribed);
    return subscribed;
  }

  #subscriberOf({ shard, subscribers }: Subscribed, connection: ConnectionId, poll: NearPoll): Subscriber {
    const own = subscribers.get(connection) ?? [];
    const held = own.find(({ map }) => map === poll.map);
    if (held !== undefined) return held;
    // A new primary of the same lineage has every record that its predecessor told of. Who holds nothing begins here and now.
    const goesOn = poll.afterLsn > 0 && poll.lineage === shard.config.lineage && holdsAfter(shard, poll.afterLsn);
    const toldLsn = goesOn ? poll.afterLsn : shard.decidedLsn;
    const subscriber: Subscriber = {
      ...{ connection, map: poll.map, toldLsn, seenLsn: toldLsn, polledMs: 0 },
      ...{ unackedBytes: 0, markLsn: toldLsn, bytesSinceMark: 0, isOwed: false },
    };
    subscribers.set(connection, [...own, subscriber]);
    return subscriber;
  }
}

function nothingAfter(lsn: Lsn): KeyChanges {
  return { fromLsn: lsn + 1, toLsn: lsn, allKeys: false, keys: [], bytes: 0 };
}

/** Exact at marks only: what was sent after the last one counts until the next. */
function acknowledge(subscriber: Subscriber, lsn: Lsn): void {
  if (lsn < subscriber.markLsn) return;
  subscriber.unackedBytes = subscriber.bytesSinceMark;
  subscriber.bytesSinceMark = 0;
  subscriber.markLsn = subscriber.toldLsn;
}
