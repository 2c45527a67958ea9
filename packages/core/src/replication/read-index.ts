/**
 * Reads that rest on no clock. After such a read has arrived, the primary asks every member of S+ whether it knows of a
 * newer epoch; where somebody else could have been promoted (an eligible replica, or nobody is in S beside it) the
 * catalog too. When all have said no, nobody else had acted as primary when the read arrived, and it is answered.
 *
 *     read ─▶ waits for probe 7 ──epochProbe 7──▶ all of S+ (and the catalog)
 *     answer ◀── all have acknowledged 7 ◀────────────┘
 *
 * Probes are numbered and sent once at the end of a turn, for all reads of that turn; an acknowledgement of a later
 * probe counts for every read before it.
 */
import type { ConnectionId, Epoch, Incarnation, PartitionId } from '../ids.ts';
import type { EpochAck, EpochProbe } from '../messages.ts';
import type { ShardPorts } from '../shard/ports.ts';
import type { PendingRequest } from '../shard/request.ts';
import type { Shard } from '../shard/shard.ts';
import { ackersOf, type Primary } from './primary.ts';

/** A probe that somebody has not answered is followed by another. */
const PROBE_AGAIN_MS = 100;
const CATALOG = 'catalog';

interface IndexRead {
  readonly request: PendingRequest;
  /** The first probe that left after it arrived. */
  readonly probeId: number;
}

/** Of one primary. */
export interface IndexReads {
  waiting: IndexRead[];
  /** The last probe that each has acknowledged, by incarnation; the catalog by its role. */
  readonly acked: Map<Incarnation, number>;
}

export function newIndexReads(): IndexReads {
  return { waiting: [], acked: new Map() };
}

export class EpochProbes {
  readonly #ports: ShardPorts;
  readonly #unasked = new Set<Shard>();
  #lastId = 0;
  #sentMs = Number.NEGATIVE_INFINITY;

  constructor(ports: ShardPorts) {
    this.#ports = ports;
  }

  /** The number of the probe that will leave at the end of this turn. */
  ask(shard: Shard): number {
    this.#unasked.add(shard);
    return this.#lastId + 1;
  }

  /** What was lost on its way must not leave a read waiting. */
  onTick(shards: Iterable<Shard>): void {
    if (this.#ports.nowMs() - this.#sentMs < PROBE_AGAIN_MS) return;
    for (const shard of shards) if ((shard.primary?.index.waiting.length ?? 0) > 0) this.#unasked.add(shard);
  }

  /** At the end of a turn. */
  send(): void {
    if (this.#unasked.size === 0) return;
    const id = ++this.#lastId;
    this.#sentMs = this.#ports.nowMs();
    const asked = new Map<Incarnation, Shard[]>();
    for (const shard of this.#unasked) {
      if (shard.primary === undefined) continue;
      for (const who of whoMustAnswer(shard, shard.primary)) {
        const shards = asked.get(who);
        if (shards === undefined) asked.set(who, [shard]);
        else shards.push(shard);
      }
    }
    this.#unasked.clear();
    for (const [who, shards] of asked) {
      const partitions = shards.map(({ partition }) => partition);
      const epochs = shards.map(({ epoch }) => epoch);
      const probe: EpochProbe = { type: 'epochProbe', id, partitions, epochs };
      if (who === CATALOG) this.#ports.toCatalog(probe);
      else this.#ports.toFollower(who, probe);
    }
  }
}

function whoMustAnswer(shard: Shard, primary: Primary): Incarnation[] {
  const members = ackersOf(shard, primary).map(({ incarnation }) => incarnation);
  return members.length === 0 || shard.config.elr.length > 0 ? [...members, CATALOG] : members;
}

/** Takes note of an answer. @returns those whose last one it was: they may be answered in this turn. */
export function onEpochAck(
  shard: Shard,
  primary: Primary,
  { id, from }: { readonly id: number; readonly from: Incarnation | undefined },
): PendingRequest[] {
  const { index } = primary;
  const who = from ?? CATALOG;
  index.acked.set(who, Math.max(id, index.acked.get(who) ?? 0));
  const reached = Math.min(...whoMustAnswer(shard, primary).map((one) => index.acked.get(one) ?? 0));
  const ready = index.waiting.filter(({ probeId }) => probeId <= reached);
  if (ready.length > 0) index.waiting = index.waiting.filter(({ probeId }) => probeId > reached);
  return ready.map(({ request }) => request);
}

/** A replica's answer: it follows the asker in this very epoch, and has heard of no newer one. */
export function answerEpochProbe(
  probe: EpochProbe,
  from: ConnectionId,
  shards: ReadonlyMap<PartitionId, Shard>,
): EpochAck {
  return answered(probe, (partition, epoch) => {
    const shard = shards.get(partition);
    if (shard?.opened === undefined || shard.primary !== undefined) return false;
    return shard.opened.connection === from && shard.opened.epoch === epoch && shard.epoch === epoch;
  });
}

export function answered(probe: EpochProbe, holds: (partition: PartitionId, epoch: Epoch) => boolean): EpochAck {
  const partitions: PartitionId[] = [];
  const epochs: Epoch[] = [];
  probe.partitions.forEach((partition, index) => {
    const epoch = probe.epochs[index];
    if (epoch === undefined || !holds(partition, epoch)) return;
    partitions.push(partition);
    epochs.push(epoch);
  });
  return { type: 'epochAck', id: probe.id, partitions, epochs };
}
