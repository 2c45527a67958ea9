/**
 * Changes of the in-sync set S (E1 to E3). Only the primary asks, compare-and-set on (epoch, version); the catalog
 * alone commits. A member evicted below minSyncReplicas stays eligible, for from then on nothing is decided without it
 * that it could not be promoted over; back at the minimum the eligible ones are let go in the same change.
 */
import { type Host, type Rid, sameHost, sameRid } from '../ids.ts';
import type { Note } from '../machine.ts';
import type { ChangeInSync } from '../messages.ts';
import { hasHost, hasRid } from './chain.ts';
import { KEEP_ALL, type PartitionConfig } from './config.ts';

export interface InSyncFacts {
  readonly minSyncReplicas: number;
  readonly maxSyncReplicas: number;
  /** Who asks, on its current connection. */
  readonly from: Host;
  /** Its life is the registered one and not over. */
  readonly isAlive: (host: Host) => boolean;
  /** Silent, and expected to come back with what it had. */
  readonly isAwaited: (host: Host) => boolean;
  /** Its state is known to be gone. */
  readonly hasFailed: (rid: Rid) => boolean;
}

export type InSyncResult =
  | { readonly done: true; readonly config: PartitionConfig }
  | { readonly done: false; readonly reason: string };

export function changeInSync(config: PartitionConfig, change: ChangeInSync, facts: InSyncFacts): InSyncResult {
  const reason = refuse(config, change, facts);
  if (reason !== undefined) return { done: false, reason };
  const fields = change.kind === 'evict' ? evict(config, change, facts) : add(config, change, facts);
  // A change accepted proves that the primary has taken over: what it was promoted with is done (P1).
  return { done: true, config: { ...config, ...fields, version: config.version + 1, keepLsn: KEEP_ALL } };
}

function refuse(config: PartitionConfig, change: ChangeInSync, facts: InSyncFacts): string | undefined {
  const { target } = change;
  if (change.epoch !== config.epoch || change.version !== config.version) return 'another configuration holds';
  if (!sameHost(facts.from, config.primary)) return 'only the primary asks';
  if (config.lost) return 'the primary is given up for lost';
  if (facts.hasFailed(config.primary)) return 'the primary has failed';
  if (change.kind === 'evict') {
    if (sameRid(target, config.primary)) return 'the primary cannot evict itself';
    return hasRid(config.sync, target) ? undefined : 'the target is not in sync';
  }
  if (hasHost(config.sync, target)) return 'the target is in sync';
  if (!facts.isAlive(target)) return 'the target is not a registered life';
  if (facts.hasFailed(target)) return 'the target has failed';
  const isPlaced = hasHost(config.joining, target) || hasHost(config.async, target);
  return isPlaced ||
    hasHost(
      config.elr.map(({ rid }) => rid),
      target,
    )
    ? undefined
    : 'the target is not placed here';
}

export function changeNote({ kind, target }: ChangeInSync, config: PartitionConfig): Note {
  const { partition, sync, elr, epoch, version } = config;
  const event = kind === 'add' ? 'replica_added' : 'replica_evicted';
  const members = { inSync: sync.length, eligible: elr.length };
  return { level: 'info', event, facts: { partition, container: target.container, epoch, version, ...members } };
}

/** Its eviction of others is answered so (transfers.ts). */
export function notePrimaryToGo({ partition, epoch, primary }: PartitionConfig): Note {
  return { level: 'warn', event: 'primary_to_go', facts: { partition, epoch, primary: primary.container } };
}

type InSyncFields = Pick<PartitionConfig, 'sync' | 'elr' | 'joining' | 'async' | 'leaving'>;

function evict(config: PartitionConfig, change: ChangeInSync, facts: InSyncFacts): InSyncFields {
  const sync = config.sync.filter((rid) => !sameRid(rid, change.target));
  const target = ownRid(change.target);
  const isEligible = sync.length - 1 < facts.minSyncReplicas && !facts.hasFailed(target);
  const leaving = config.leaving.filter((rid) => !sameRid(rid, target));
  const staying = sync.length - leaving.length + config.joining.length;
  // It is slow, not lost: it joins again where it is, unless it was to leave.
  const isThere = facts.isAlive(target) || facts.isAwaited(target);
  const rejoins = leaving.length === config.leaving.length && isThere && staying < 1 + facts.maxSyncReplicas;
  return {
    sync,
    elr: isEligible ? [...config.elr, { rid: target, keepLsn: change.keepLsn }] : config.elr,
    joining: rejoins ? [...config.joining, ownHost(target)] : config.joining,
    async: config.async,
    leaving,
  };
}

function add(config: PartitionConfig, change: ChangeInSync, facts: InSyncFacts): InSyncFields {
  const sync = [...config.sync, ownRid(change.target)];
  const isOther = (host: Host): boolean => !sameHost(host, change.target);
  return {
    sync,
    elr: sync.length - 1 >= facts.minSyncReplicas ? [] : config.elr.filter(({ rid }) => isOther(rid)),
    joining: config.joining.filter(isOther),
    async: config.async.filter(isOther),
    leaving: config.leaving,
  };
}

/** What came in a message is not kept: a configuration is made of values of its own. */
function ownRid({ container, incarnation, shardInc }: Rid): Rid {
  return { container, incarnation, shardInc };
}

function ownHost({ container, incarnation }: Host): Host {
  return { container, incarnation };
}
