/**
 * A planned change of primary, without one failed request: stop admitting, let everything in flight be decided and
 * acknowledged by all of S+, give up reading and deciding, and only then ask the catalog. Requests wait meanwhile and
 * are sent on to the new primary. The question is the release: it counts for this (epoch, version) alone, so an answer
 * that is lost leaves nothing open that could be honoured later.
 */
import type { ShardPorts } from '../shard/ports.ts';
import type { Shard } from '../shard/shard.ts';
import { ackersOf, matchOf, othersInSync, type Primary } from './primary.ts';

/** Longer than this nobody is kept waiting: then the partition is served again, and the change tried later. */
const STOP_MS_MAX = 2_000;
const RETRY_MS = 500;

/** Called on ticks while the container drains. */
export function driveHandOver(shard: Shard, primary: Primary, ports: ShardPorts): void {
  const { handOver } = primary;
  const nowMs = ports.nowMs();
  if (handOver.state === 'no') {
    if (nowMs < handOver.notBeforeMs || othersInSync(shard).length === 0) return;
    handOver.state = 'stopping';
    handOver.sinceMs = nowMs;
  }
  if (handOver.state !== 'stopping') return;
  if (isQuiet(shard, primary)) ask(shard, primary, ports);
  else if (nowMs - handOver.sinceMs > STOP_MS_MAX) resume(primary, ports);
}

function isQuiet(shard: Shard, primary: Primary): boolean {
  const { lastLsn } = shard.log;
  return (
    primary.pending === undefined &&
    shard.decidedLsn === lastLsn &&
    ackersOf(shard, primary).every((rid) => matchOf(primary, rid) === lastLsn)
  );
}

function ask(shard: Shard, primary: Primary, ports: ShardPorts): void {
  const { handOver } = primary;
  const changeId = ports.nextChangeId();
  const { partition, epoch, config } = shard;
  if (!ports.toCatalog({ type: 'handOver', changeId, partition, epoch, version: config.version })) {
    resume(primary, ports);
    return;
  }
  handOver.changeId = changeId;
  handOver.state = 'asked';
  primary.plus = undefined;
}

/** After a new registration: whether the first question arrived is unknown, and asking twice does no harm. */
export function askHandOverAgain(shard: Shard, ports: ShardPorts): void {
  const handOver = shard.primary?.handOver;
  if (handOver?.state !== 'asked') return;
  const { partition, epoch, config } = shard;
  ports.toCatalog({ type: 'handOver', changeId: handOver.changeId, partition, epoch, version: config.version });
}

/** The catalog declined, or S changed meanwhile and it will: the partition is served again. */
export function resume(primary: Primary, ports: ShardPorts): void {
  primary.handOver.state = 'no';
  primary.handOver.notBeforeMs = ports.nowMs() + RETRY_MS;
  primary.retryWaiting = true;
}
