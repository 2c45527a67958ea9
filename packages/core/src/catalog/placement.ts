/**
 * Which live container hosts each shard. Pure: equal inputs give equal output, in any order of the containers.
 *
 * `placeFirst` places a map set once, when enough containers are there: primaries balanced, then replicas balanced.
 * From then on `heal` fills missing copies and brings a container up to the floor of its share, and otherwise leaves
 * everything where it is: a copy that moves for nothing is a checkpoint for nothing, and a primary is never moved.
 *
 *     joining   placed by us; the primary brings it online and asks for its addition to `sync`
 *     leaving   in `sync` and one too many; the primary evicts it once enough others are in sync
 *
 * A move is therefore: the new container in `joining`, later in `sync`, then the old one in `leaving`, then gone. The
 * configuration alone tells how far it is, so nothing else is remembered and a restarted catalog goes on with it.
 */
import { assert, must } from '../assert.ts';
import { type Host, type PartitionId, sameRid } from '../ids.ts';
import type { Unplaceable } from '../messages.ts';
import { partitionsOf, type TopologyMapSet } from '../topology.ts';
import { balanceFirst, balanceReplicas } from './balance.ts';
import { checkConfig, hasHost } from './chain.ts';
import { emptyShardInc, KEEP_ALL, KEEP_NOTHING, type PartitionConfig } from './config.ts';
import {
  asHost,
  candidates,
  chooseLeaver,
  countCopies,
  type Field,
  first,
  leastLoaded,
  newField,
  newPlan,
  type PlacementFacts,
  type Plan,
  staying,
  wantedInSync,
} from './plan.ts';

export type { PlacementContainer, PlacementFacts } from './plan.ts';

export interface FirstPlacement {
  readonly configs: readonly PartitionConfig[];
  /** Map sets that have to wait, and what for. */
  readonly unplaceable: readonly Unplaceable[];
}

/** Places every map set that has no configuration yet and can be placed. `newLineage` gives random ids. */
export function placeFirst(facts: PlacementFacts, newLineage: () => string): FirstPlacement {
  const field = newField(facts);
  countPlaced(field);
  const plans: Plan[] = [];
  const unplaceable: Unplaceable[] = [];
  for (const mapSet of facts.topology.mapSets) {
    const partitions = partitionsOf(mapSet).filter(
      (partition) => facts.configs[partition] === undefined && facts.withheld?.has(partition) !== true,
    );
    if (partitions.length === 0) continue;
    const reason = reasonToWait(field, mapSet);
    if (reason !== undefined) {
      unplaceable.push({ grid: mapSet.grid, mapSet: mapSet.policy.name, reason });
      continue;
    }
    for (const partition of partitions) plans.push(placePrimary(field, mapSet, { partition, newLineage }));
  }
  // Replicas after all primaries: otherwise early partitions' replicas lie where later primaries belong.
  for (const plan of plans) fillSync(field, plan, Number.POSITIVE_INFINITY);
  for (const plan of plans) fillAsync(field, plan, Number.POSITIVE_INFINITY);
  balanceFirst(field, plans);
  return { configs: plans.map((plan) => settled(plan)), unplaceable };
}

/** The configurations that change, one version up. Those whose primary is not there wait for a promotion. */
export function heal(facts: PlacementFacts): PartitionConfig[] {
  const field = newField(facts);
  const plans: Plan[] = [];
  for (const config of facts.configs) {
    if (config === undefined) continue;
    const plan = newPlan(facts.topology, config);
    if (config.lost || !field.live.has(config.primary.incarnation)) {
      countCopies(field, plan, 1);
      continue;
    }
    dropGone(field, plan);
    countCopies(field, plan, 1);
    plans.push(plan);
  }
  for (const plan of plans) healOne(field, plan);
  balanceReplicas(field, plans);
  return plans.filter(hasChanged).map((plan) => settled({ ...plan, config: nextVersion(plan.config) }));
}

/** In words for people; undefined: it can be placed. */
function reasonToWait(field: Field, mapSet: TopologyMapSet): string | undefined {
  const { minSyncReplicas, numInitialContainers, developmentMode } = mapSet.policy;
  const ready = field.facts.containers.filter(({ isSuspect }) => !isSuspect);
  const foreign = field.facts.foreign.get(mapSet.grid);
  if (foreign !== undefined && foreign.size > 0) {
    const who = [...foreign.values()].sort().join(', ');
    return `containers hold shards of an earlier catalog (${who}); start it with its journal, or restart them empty`;
  }
  const copiesMin = 1 + minSyncReplicas;
  const containersMin = Math.max(numInitialContainers, copiesMin);
  if (ready.length < containersMin) return `${ready.length} of ${containersMin} containers`;
  const hostCount = new Set(ready.map(({ host }) => host)).size;
  if (!developmentMode && hostCount < copiesMin) {
    return `${ready.length} containers on ${hostCount} host${hostCount === 1 ? '' : 's'}, developmentMode is false`;
  }
  return undefined;
}

function countPlaced(field: Field): void {
  for (const config of field.facts.configs) {
    if (config !== undefined) countCopies(field, newPlan(field.facts.topology, config), 1);
  }
}

interface FirstPrimary {
  readonly partition: PartitionId;
  readonly newLineage: () => string;
}

function placePrimary(field: Field, mapSet: TopologyMapSet, { partition, newLineage }: FirstPrimary): Plan {
  const { copies, primaries } = field;
  const ready = field.facts.containers.filter(({ isSuspect }) => !isSuspect);
  const chosen = first(ready, (one) => [
    primaries.inMapSet(mapSet, one),
    primaries.of(one),
    copies.inMapSet(mapSet, one),
    copies.of(one),
  ]);
  // The first life of the shard in that process: it has never had one of this partition.
  const { firstEpoch: epoch = 1 } = field.facts;
  const primary = { ...asHost(must(chosen, 'enough containers are there')), shardInc: emptyShardInc(epoch) };
  const config: PartitionConfig = {
    partition,
    epoch,
    version: 1,
    lineage: newLineage(),
    primary,
    sync: [primary],
    elr: [],
    joining: [],
    async: [],
    leaving: [],
    keepLsn: epoch === 1 ? KEEP_ALL : KEEP_NOTHING,
    waitGrants: false,
    lost: false,
  };
  const plan: Plan = { mapSet, config, joining: [], async: [], leaving: [] };
  countCopies(field, plan, 1);
  return plan;
}

function dropGone(field: Field, plan: Plan): void {
  plan.joining = plan.joining.filter((host) => isLive(field, host) || isAwaited(field, host));
  plan.async = plan.async.filter((host) => isLive(field, host));
}

function isLive(field: Field, { incarnation }: Host): boolean {
  return field.live.has(incarnation);
}

/** Not live, but expected back with what it had. */
function isAwaited(field: Field, host: Host): boolean {
  return !isLive(field, host) && field.facts.isAwaited?.(host) === true;
}

function healOne(field: Field, plan: Plan): void {
  takeBackLeaving(field, plan);
  dropJoiningAboveOne(field, plan);
  const { policy } = plan.mapSet;
  const wanted = wantedInSync(plan) + policy.maxAsyncReplicas;
  // A copy that was lost is one that was there: without autoReplaceLostShards only others are filled.
  const copiesEver = field.facts.copiesEver[plan.config.partition] ?? 0;
  const budget = policy.autoReplaceLostShards ? Number.POSITIVE_INFINITY : Math.max(0, wanted - copiesEver);
  const spent = fillSync(field, plan, budget);
  moveAwayFromDraining(field, plan);
  fillAsync(field, plan, budget - spent);
  markLeaving(field, plan);
}

/**
 * A replica whose container is about to leave gets a successor first, and leaves when that one is in sync. A primary
 * there hands over by itself, and is a replica then. Placed and not begun yet is simply placed elsewhere.
 */
function moveAwayFromDraining(field: Field, plan: Plan): void {
  const drains = ({ incarnation }: Host): boolean => field.live.get(incarnation)?.isDraining === true;
  for (const host of [...plan.joining, ...plan.async].filter(drains)) {
    const successor = leastLoaded(field, plan, candidates(field, plan, host));
    if (successor === undefined) continue;
    const replaced = (one: Host): Host => (one.incarnation === host.incarnation ? asHost(successor) : one);
    plan.joining = plan.joining.map(replaced);
    plan.async = plan.async.map(replaced);
    field.copies.add(plan.mapSet, successor, 1);
    field.copies.add(plan.mapSet, host, -1);
  }
  if (plan.joining.length > 0 || plan.leaving.length > 0) return;
  const leaver = staying(field, plan).find((rid) => drains(rid) && !sameRid(rid, plan.config.primary));
  if (leaver === undefined || inSyncSoon(field, plan) > wantedInSync(plan)) return;
  const successor = leastLoaded(field, plan, candidates(field, plan, leaver));
  if (successor === undefined) return;
  plan.joining.push(asHost(successor));
  field.copies.add(plan.mapSet, successor, 1);
}

/** Another copy was lost meanwhile: who was to leave is the nearest replacement. */
function takeBackLeaving(field: Field, plan: Plan): void {
  for (const rid of plan.leaving) {
    if (inSyncSoon(field, plan) >= wantedInSync(plan)) return;
    if (!field.live.has(rid.incarnation)) continue;
    plan.leaving = plan.leaving.filter((one) => one !== rid);
    field.copies.add(plan.mapSet, rid, 1);
  }
}

/** One above is a move, or a replacement whose predecessor came back; more is waste. */
function dropJoiningAboveOne(field: Field, plan: Plan): void {
  while (inSyncSoon(field, plan) > wantedInSync(plan) + 1) {
    const dropped = plan.joining.findLast((host) => !isLive(field, host)) ?? plan.joining.at(-1);
    if (dropped === undefined) return;
    plan.joining = plan.joining.filter((host) => host !== dropped);
    field.copies.add(plan.mapSet, dropped, -1);
  }
}

/** Returns how much of the budget it spent. Who is eligible returns without spending: its copy is not lost. */
function fillSync(field: Field, plan: Plan, budget: number): number {
  let spent = 0;
  while (inSyncSoon(field, plan) < wantedInSync(plan) || isBelowMinWithoutAwaited(field, plan)) {
    const free = candidates(field, plan);
    const eligible = free.filter((one) => plan.config.elr.some(({ rid }) => rid.incarnation === one.incarnation));
    const returning = leastLoaded(field, plan, eligible);
    const fresh = spent < budget ? leastLoaded(field, plan, free) : undefined;
    const chosen = returning ?? fresh ?? plan.async[0];
    if (chosen === undefined) break;
    if (returning === undefined && fresh !== undefined) spent += 1;
    const wasAsync = hasHost(plan.async, chosen);
    plan.async = plan.async.filter(({ incarnation }) => incarnation !== chosen.incarnation);
    plan.joining.push(asHost(chosen));
    if (!wasAsync) field.copies.add(plan.mapSet, chosen, 1);
  }
  return spent;
}

/** Then one copy more is placed than is wanted: who is awaited may come too late. */
function isBelowMinWithoutAwaited(field: Field, plan: Plan): boolean {
  const liveCount = staying(field, plan).length + plan.joining.filter((host) => isLive(field, host)).length;
  return liveCount <= plan.mapSet.policy.minSyncReplicas && inSyncSoon(field, plan) <= wantedInSync(plan);
}

function fillAsync(field: Field, plan: Plan, budget: number): void {
  for (let spent = 0; spent < budget && plan.async.length < plan.mapSet.policy.maxAsyncReplicas; spent += 1) {
    const chosen = leastLoaded(field, plan, candidates(field, plan));
    if (chosen === undefined) return;
    plan.async.push(asHost(chosen));
    field.copies.add(plan.mapSet, chosen, 1);
  }
}

function markLeaving(field: Field, plan: Plan): void {
  while (staying(field, plan).length > wantedInSync(plan)) {
    const leaver = must(chooseLeaver(field, plan), 'a replica to let go');
    plan.leaving.push(leaver);
    field.copies.add(plan.mapSet, leaver, -1);
  }
}

function inSyncSoon(field: Field, plan: Plan): number {
  const awaited = plan.config.sync.filter((rid) => isAwaited(field, rid));
  return staying(field, plan).length + plan.joining.length + awaited.length;
}

function hasChanged({ config, joining, async: asyncHosts, leaving }: Plan): boolean {
  return (
    !sameHosts(config.joining, joining) || !sameHosts(config.async, asyncHosts) || !sameHosts(config.leaving, leaving)
  );
}

function sameHosts(a: readonly Host[], b: readonly Host[]): boolean {
  return a.length === b.length && a.every((host) => hasHost(b, host));
}

function nextVersion(config: PartitionConfig): PartitionConfig {
  return { ...config, version: config.version + 1 };
}

function settled(plan: Plan): PartitionConfig {
  const config = { ...plan.config, joining: plan.joining, async: plan.async, leaving: plan.leaving };
  checkConfig(config);
  assert(config.joining.length <= wantedInSync(plan), 'no more join than are wanted');
  return config;
}
