/**
 * A planned change of primary: the old one has everything decided and acknowledged by all of S, has stopped reading and
 * deciding, and stays in S as a replica. So nothing is cut, nobody is evicted, and nobody has to be waited for: the
 * request is the release of its lease, for this very configuration and no other (L2).
 */
import { type Host, type Rid, sameHost, sameRid } from '../ids.ts';
import type { HandOver } from '../messages.ts';
import { hasRid } from './chain.ts';
import { KEEP_ALL, type PartitionConfig } from './config.ts';

export interface HandOverFacts {
  readonly from: Host;
  /** Live, connected, not failed and not about to leave itself. */
  readonly canTakeOver: (rid: Rid) => boolean;
  /** Lower is better. */
  readonly rank: (rid: Rid) => number;
  /** A grant to a primary of an older epoch may still run. */
  readonly mustWait: boolean;
}

export type HandOverResult =
  | { readonly done: true; readonly config: PartitionConfig }
  | { readonly done: false; readonly reason: string };

export function handOver(config: PartitionConfig, request: HandOver, facts: HandOverFacts): HandOverResult {
  if (request.epoch !== config.epoch || request.version !== config.version) {
    return { done: false, reason: 'the configuration is another by now' };
  }
  if (!sameHost(config.primary, facts.from)) return { done: false, reason: 'only the primary hands over' };
  const [primary] = config.sync
    .filter((rid) => !sameRid(rid, config.primary) && !hasRid(config.leaving, rid) && facts.canTakeOver(rid))
    .sort((a, b) => facts.rank(a) - facts.rank(b) || (a.container < b.container ? -1 : 1));
  if (primary === undefined) return { done: false, reason: 'no other member of the in-sync set can take over' };
  const next: PartitionConfig = {
    ...config,
    epoch: config.epoch + 1,
    version: config.version + 1,
    primary,
    keepLsn: KEEP_ALL,
    waitGrants: facts.mustWait,
  };
  return { done: true, config: next };
}
