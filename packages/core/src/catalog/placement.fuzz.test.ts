/**
 * Placement against chance: containers die, come back, restart and lose their connection; primaries add and evict in
 * any order; promotions happen. Whatever the history, the rules hold at every step, and once nothing happens any more
 * it comes to rest: whole, balanced, and never moving anything again.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Rid } from '../ids.ts';
import { topologyOf } from '../topology.ts';
import type { PartitionConfig } from './config.ts';
import { mapSetPolicy } from './grid.test-lib.ts';
import { changeInSync } from './in-sync.ts';
import { heal, type PlacementContainer, type PlacementFacts, placeFirst } from './placement.ts';
import { decidePromotion } from './promotion.ts';
import { apply, type CatalogState, EMPTY_STATE } from './state.ts';

const seed = Number(process.env.SEED ?? 20_240_601);

const policyArbitrary = fc
  .record({
    numberOfPartitions: fc.integer({ min: 1, max: 9 }),
    minSyncReplicas: fc.integer({ min: 0, max: 2 }),
    more: fc.integer({ min: 0, max: 1 }),
    maxAsyncReplicas: fc.integer({ min: 0, max: 1 }),
    developmentMode: fc.boolean(),
    autoReplaceLostShards: fc.boolean(),
  })
  .map(({ more, ...fields }) =>
    mapSetPolicy({ ...fields, maxSyncReplicas: Math.max(1, fields.minSyncReplicas + more) }),
  );

const gridArbitrary = fc.record({
  mapSets: fc.array(policyArbitrary, { minLength: 1, maxLength: 3 }),
  containers: fc.array(fc.record({ host: fc.integer({ min: 0, max: 3 }), zone: fc.integer({ min: 0, max: 2 }) }), {
    minLength: 2,
    maxLength: 6,
  }),
});

const stepArbitrary = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('die', 'back', 'restart', 'suspect'), which: fc.nat(5) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('heal', 'promote', 'act'), which: fc.nat(40) }) },
);
type Grid = typeof gridArbitrary extends fc.Arbitrary<infer T> ? T : never;
type Step = typeof stepArbitrary extends fc.Arbitrary<infer T> ? T : never;

class World {
  readonly topology;
  private readonly all: { container: PlacementContainer; life: number; isUp: boolean }[];
  state: CatalogState = EMPTY_STATE;

  constructor({ mapSets, containers }: Grid) {
    const named = mapSets.map((policy, index) => ({ ...policy, name: `set${index}` }));
    this.topology = topologyOf({ grids: [{ name: 'shop', mapSets: named }] });
    this.all = containers.map(({ host, zone }, index) => {
      const container = `c${index}`;
      return {
        container: { container, incarnation: `${container}-1`, host: `h${host}`, zone: `z${zone}`, isSuspect: false },
        life: 1,
        isUp: true,
      };
    });
    this.change(placeFirst(this.facts(), () => 'lineage').configs);
  }

  facts(): PlacementFacts {
    const containers = this.all.filter(({ isUp }) => isUp).map(({ container }) => container);
    const { partitions: configs, copiesEver } = this.state;
    return { topology: this.topology, containers, configs, copiesEver, foreign: new Map() };
  }

  step({ kind, which }: Step): void {
    const one = this.all[which % this.all.length];
    if (one === undefined) return;
    switch (kind) {
      case 'die':
        one.isUp = false;
        return;
      case 'back':
        one.isUp = true;
        one.container = { ...one.container, isSuspect: false };
        return;
      case 'restart':
        one.life += 1;
        one.isUp = true;
        one.container = { ...one.container, incarnation: `${one.container.container}-${one.life}`, isSuspect: false };
        return;
      case 'suspect':
        one.container = { ...one.container, isSuspect: true };
        return;
      case 'heal':
        this.heal();
        return;
      case 'promote':
        this.promote();
        return;
      default:
        this.act(which);
    }
  }

  heal(): number {
    const before = this.facts();
    const configs = heal(before);
    this.change(configs);
    for (const config of configs) this.checkPlaced(config);
    return configs.length;
  }

  promote(): number {
    const isLive = (rid: Rid): boolean => this.isLive(rid.incarnation);
    const configs = this.placed().flatMap((config) => {
      const next = decidePromotion(config, {
        minSyncReplicas: this.policyOf(config).minSyncReplicas,
        isPrimaryGone: !isLive(config.primary),
        isPrimaryReached: false,
        isReleased: false,
        isPromotable: isLive,
        isAwaited: () => false,
        isGoneForEver: () => false,
        rank: () => 0,
      });
      return next ?? [];
    });
    this.change(configs);
    return configs.length;
  }

  /** One partition's primary does the first thing that it would do. */
  act(which: number): boolean {
    const configs = this.placed().filter(({ primary, lost }) => !lost && this.isLive(primary.incarnation));
    const config = configs[which % Math.max(1, configs.length)];
    if (config === undefined) return false;
    const dead = config.sync.find(({ incarnation }) => !this.isLive(incarnation));
    const target = dead ?? config.joining.find(({ incarnation }) => this.isLive(incarnation)) ?? config.leaving[0];
    if (target === undefined) return false;
    const policy = this.policyOf(config);
    const { partition, epoch, version, primary } = config;
    const isAdd = !config.sync.some(({ incarnation }) => incarnation === target.incarnation);
    const result = changeInSync(
      config,
      {
        type: 'changeInSync',
        changeId: 1,
        partition,
        epoch,
        version,
        kind: isAdd ? 'add' : 'evict',
        target: { container: target.container, incarnation: target.incarnation, shardInc: 1 },
        keepLsn: 1,
      },
      {
        ...policy,
        from: primary,
        isAlive: ({ incarnation }) => this.isLive(incarnation),
        isAwaited: () => false,
        hasFailed: () => false,
      },
    );
    if (result.done) {
      if (result.config.elr.length > 0) expect(result.config.sync.length - 1).toBeLessThan(policy.minSyncReplicas);
      this.change([result.config]);
    }
    return result.done;
  }

  /** Until nothing changes; how often that took. */
  rest(): number {
    for (let round = 0; round < 500; round += 1) {
      let changes = this.promote() + this.heal();
      for (let which = 0; which < this.placed().length; which += 1) if (this.act(which)) changes += 1;
      if (changes === 0) return round;
    }
    throw new Error('it never comes to rest');
  }

  checkPlaced(config: PartitionConfig): void {
    const policy = this.policyOf(config);
    const live = [...config.sync, ...config.joining, ...config.async].flatMap(({ incarnation }) => {
      return this.all.find((one) => one.isUp && one.container.incarnation === incarnation)?.container ?? [];
    });
    expect(new Set(live.map(({ container }) => container)).size).toBe(live.length);
    const staying = config.sync.filter(
      (rid) =>
        this.isLive(rid.incarnation) && !config.leaving.some(({ incarnation }) => incarnation === rid.incarnation),
    );
    expect(staying.length + config.joining.length).toBeLessThanOrEqual(
      Math.max(policy.maxSyncReplicas + 2, staying.length),
    );
    expect(config.async.length).toBeLessThanOrEqual(policy.maxAsyncReplicas);
  }

  /** At rest: nothing above, nothing missing that could be there, and nobody on the host of another copy. */
  checkRest(): void {
    for (const config of this.placed()) {
      if (config.lost) continue;
      const policy = this.policyOf(config);
      expect(config.joining).toEqual([]);
      expect(config.leaving).toEqual([]);
      expect(config.sync.length).toBeLessThanOrEqual(1 + policy.maxSyncReplicas);
      const held = [...config.sync, ...config.async].flatMap(({ incarnation }) => {
        return this.all.find(({ container }) => container.incarnation === incarnation)?.container ?? [];
      });
      if (
        !policy.autoReplaceLostShards ||
        config.sync.length + config.async.length === 1 + policy.maxSyncReplicas + policy.maxAsyncReplicas
      )
        continue;
      const hosts = policy.developmentMode ? [] : held.map(({ host }) => host);
      const free = this.facts().containers.filter(
        (one) => !one.isSuspect && !held.includes(one) && !hosts.includes(one.host),
      );
      expect(free).toEqual([]);
    }
  }

  placed(): PartitionConfig[] {
    return this.state.partitions.filter((config) => config !== undefined);
  }

  private isLive(incarnation: string): boolean {
    return this.all.some(({ isUp, container }) => isUp && container.incarnation === incarnation);
  }

  private policyOf({ partition }: PartitionConfig) {
    const found = this.topology.mapSets.findLast(({ firstPartition }) => firstPartition <= partition);
    if (found === undefined) throw new Error('no map set');
    return found.policy;
  }

  private change(configs: readonly PartitionConfig[]): void {
    // `apply` checks each configuration, and that the chain only grows.
    if (configs.length > 0) this.state = apply(this.state, { type: 'configsChanged', configs });
  }
}

test('the rules hold at every step, and it comes to rest', () => {
  fc.assert(
    fc.property(gridArbitrary, fc.array(stepArbitrary, { maxLength: 60 }), (grid, steps) => {
      const world = new World(grid);
      for (const step of steps) world.step(step);
      world.rest();
      world.checkRest();
      expect(heal(world.facts())).toEqual([]);
    }),
    { seed, numRuns: 600 },
  );
});

test('the order of the containers does not matter, and a first placement stays where it is', () => {
  fc.assert(
    fc.property(gridArbitrary, (grid) => {
      const { topology, ...rest } = new World(grid).facts();
      const facts = { topology, ...rest, configs: [], copiesEver: [] };
      const placed = placeFirst(facts, () => 'lineage');
      expect(placeFirst({ ...facts, containers: facts.containers.toReversed() }, () => 'lineage')).toEqual(placed);
      const world = new World(grid);
      if (world.placed().length < topology.partitionCount) return;
      const primaries = new Map<string, number>();
      for (const { primary, partition } of world.placed()) {
        if (partition >= (topology.mapSets[0]?.policy.numberOfPartitions ?? 0)) continue;
        primaries.set(primary.container, (primaries.get(primary.container) ?? 0) + 1);
      }
      const counts = facts.containers.map(({ container }) => primaries.get(container) ?? 0);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      const copies = (): string[] =>
        world.placed().map(({ sync, joining, async: hosts }) => {
          return [...sync, ...joining, ...hosts]
            .map(({ container }) => container)
            .sort()
            .join();
        });
      const before = copies();
      world.rest();
      expect(copies()).toEqual(before);
    }),
    { seed, numRuns: 400 },
  );
});

test('a newcomer to equal containers gets the floor of its share, and nothing else moves', () => {
  fc.assert(
    fc.property(fc.integer({ min: 3, max: 6 }), fc.integer({ min: 1, max: 30 }), (count, numberOfPartitions) => {
      const policy = mapSetPolicy({ numberOfPartitions, numInitialContainers: count });
      const containers = Array.from({ length: count + 1 }, () => ({ host: 0, zone: 0 }));
      const world = new World({ mapSets: [policy], containers: containers.slice(1) });
      const before = world.placed();
      const joined = new World({ mapSets: [policy], containers });
      joined.state = world.state;
      joined.rest();
      const isNewcomer = ({ container }: { container: string }): boolean => container === `c${count}`;
      const moved = joined.placed().filter(({ sync }) => sync.some(isNewcomer)).length;
      expect(moved).toBe(Math.floor((2 * numberOfPartitions) / (count + 1)));
      for (const config of joined.placed()) {
        const older = before[config.partition];
        expect(config.primary).toEqual(older?.primary);
        if (config.sync.some(isNewcomer)) continue;
        expect(config.sync.map(({ container }) => container).sort()).toEqual(
          [...(older?.sync ?? []), ...(older?.joining ?? [])].map(({ container }) => container).sort(),
        );
      }
    }),
    { seed, numRuns: 100 },
  );
});
