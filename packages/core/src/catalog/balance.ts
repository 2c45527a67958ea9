/**
 * Brings containers up to the floor of their share by moving replicas. The share is counted in each map set and over
 * all of them. A move goes from a container above the floor to one below it, so every move takes away a shortfall and
 * makes none: it ends, and what it has reached it leaves alone.
 */
import { must } from '../assert.ts';
import { type Host, type Incarnation, sameRid } from '../ids.ts';
import type { TopologyMapSet } from '../topology.ts';
import { hasHost } from './chain.ts';
import {
  asHost,
  candidates,
  chooseLeaver,
  type Field,
  first,
  holders,
  type PlacementContainer,
  type Plan,
  staying,
  wantedInSync,
} from './plan.ts';

/** Moves that a container takes part in as the receiver at one time. */
const MOVES_INTO_CONTAINER_MAX = 4;

interface Move {
  readonly plan: Plan;
  readonly from: Host;
  readonly to: PlacementContainer;
}

/** Among partitions that are just being placed: nothing is copied yet, so replicas change places for nothing. */
export function balanceFirst(field: Field, plans: readonly Plan[]): void {
  const donors = (plan: Plan): Host[] => [...plan.joining, ...plan.async];
  for (;;) {
    const move = findMove(field, plans, donors);
    if (move === undefined) return;
    replace(field, move);
  }
}

/** Among partitions that lack nothing. A move is under way while a partition has one copy more than it wants. */
export function balanceReplicas(field: Field, plans: readonly Plan[]): void {
  const movesInto = new Map<Incarnation, number>();
  for (const plan of plans) {
    if (plan.joining.length === 0 || staying(field, plan).length + plan.joining.length <= wantedInSync(plan)) continue;
    const leaver = chooseLeaver(field, plan);
    if (leaver !== undefined) field.copies.add(plan.mapSet, leaver, -1);
    for (const { incarnation } of plan.joining) movesInto.set(incarnation, (movesInto.get(incarnation) ?? 0) + 1);
  }
  const donors = (plan: Plan): Host[] =>
    isWhole(field, plan)
      ? [...plan.config.sync.filter((rid) => !sameRid(rid, plan.config.primary)), ...plan.async]
      : [];
  const isBusy = (to: Host): boolean => (movesInto.get(to.incarnation) ?? 0) >= MOVES_INTO_CONTAINER_MAX;
  for (;;) {
    const move = findMove(field, plans, donors, isBusy);
    if (move === undefined) return;
    const { plan, from, to } = move;
    if (plan.async.some(({ incarnation }) => incarnation === from.incarnation)) {
      replace(field, move);
      continue;
    }
    plan.joining.push(asHost(to));
    field.copies.add(plan.mapSet, to, 1);
    field.copies.add(plan.mapSet, from, -1);
    movesInto.set(to.incarnation, (movesInto.get(to.incarnation) ?? 0) + 1);
  }
}

function isWhole(field: Field, plan: Plan): boolean {
  const { config, joining, leaving, mapSet } = plan;
  return (
    joining.length === 0 &&
    leaving.length === 0 &&
    config.elr.length === 0 &&
    config.sync.length === wantedInSync(plan) &&
    config.sync.every(({ incarnation }) => field.live.has(incarnation)) &&
    plan.async.length === mapSet.policy.maxAsyncReplicas
  );
}

function replace(field: Field, { plan, from, to }: Move): void {
  const change = (hosts: readonly Host[]): Host[] =>
    hosts.map((host) => (host.incarnation === from.incarnation ? asHost(to) : host));
  plan.joining = change(plan.joining);
  plan.async = change(plan.async);
  field.copies.add(plan.mapSet, to, 1);
  field.copies.add(plan.mapSet, from, -1);
}

function findMove(
  field: Field,
  plans: readonly Plan[],
  donors: (plan: Plan) => Host[],
  isBusy: (to: Host) => boolean = () => false,
): Move | undefined {
  const mapSets = new Set(plans.map(({ mapSet }) => mapSet));
  const floors = new Map([...mapSets].map((mapSet) => [mapSet, field.copies.floor(mapSet)]));
  const floorOfAll = field.copies.floor();
  const poor = field.facts.containers.filter((one) => !one.isSuspect && !isBusy(one));
  for (const mapSet of mapSets) {
    const floor = must(floors.get(mapSet), 'floor');
    const below = poor.filter((one) => field.copies.inMapSet(mapSet, one) < floor);
    if (below.length === 0) continue;
    const isRich = (host: Host): boolean => field.copies.inMapSet(mapSet, host) > floor;
    const move = bestMove(field, { plans: plans.filter((plan) => plan.mapSet === mapSet), donors, isRich, below });
    if (move !== undefined) return move;
  }
  const below = poor.filter((one) => field.copies.of(one) < floorOfAll);
  if (below.length === 0) return undefined;
  const isRich = (host: Host, mapSet: TopologyMapSet): boolean =>
    field.copies.of(host) > floorOfAll && field.copies.inMapSet(mapSet, host) > must(floors.get(mapSet), 'floor');
  return bestMove(field, { plans, donors, isRich, below });
}

interface Search {
  readonly plans: readonly Plan[];
  readonly donors: (plan: Plan) => Host[];
  readonly isRich: (host: Host, mapSet: TopologyMapSet) => boolean;
  /** Below the floor. */
  readonly below: readonly PlacementContainer[];
}

/** From who has most to who has least; at a tie the first partition. */
function bestMove(field: Field, { plans, donors, isRich, below }: Search): Move | undefined {
  const moves: Move[] = [];
  for (const plan of plans) {
    for (const from of donors(plan)) {
      if (!isRich(from, plan.mapSet)) continue;
      const allowed = candidates(field, plan, from);
      for (const to of below) {
        const move = { plan, from, to };
        if (allowed.includes(to) && keepsZones(field, move) && leavesThen(field, move)) moves.push(move);
      }
    }
  }
  return first(moves, ({ plan, from, to }) => [
    field.copies.of(to),
    -field.copies.inMapSet(plan.mapSet, from),
    -field.copies.of(from),
  ]);
}

/** Whether the one who gives is the one that would leave: what is not placed for good yet is free to go. */
function leavesThen(field: Field, { plan, from, to }: Move): boolean {
  if (!hasHost(plan.config.sync, from)) return true;
  const leaver = chooseLeaver(field, { ...plan, joining: [...plan.joining, asHost(to)] });
  return leaver?.incarnation === from.incarnation;
}

function keepsZones(field: Field, { plan, from, to }: Move): boolean {
  const held = holders(field, plan);
  const before = new Set(held.map(({ zone }) => zone)).size;
  const after = held.filter(({ incarnation }) => incarnation !== from.incarnation).map(({ zone }) => zone);
  return new Set([...after, to.zone]).size >= before;
}
