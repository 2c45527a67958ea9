/** Goal: what a catalog does when its journal is gone, and when a partition's last sure copy is. */
import { describe, expect, test } from 'vitest';
import { asPartitionId, type ConnectionId } from '../ids.ts';
import type { ConfigReport, RebuildAnswer, ShardReport } from '../messages.ts';
import type { OnInSyncLoss, Policy } from '../policy.ts';
import { CatalogRig } from './catalog-rig.test-lib.ts';
import {
  emptyShardInc,
  KEEP_ALL,
  KEEP_DECIDED,
  KEEP_NOTHING,
  type PartitionConfig,
  REBUILD_EPOCH_STEP,
} from './config.ts';
import { mapSetPolicy, policyOf, showConfig } from './grid.test-lib.ts';
import { apply, compact, EMPTY_STATE } from './state.ts';

const LEASE_MS = 3_000;
const STEP = REBUILD_EPOCH_STEP;
const policy = policyOf({ numberOfPartitions: 3 });

function wholeGrid(given = policy): CatalogRig {
  const rig = new CatalogRig(given);
  for (const name of ['a', 'b', 'c']) rig.register(name);
  rig.pass(2_100);
  rig.settle();
  return rig;
}

/** The containers of a grid whose catalog is gone, as they turn to the next one. */
class Orphans {
  readonly rig: CatalogRig;
  readonly generation: string;
  readonly configs: PartitionConfig[];
  private readonly policyJson: string;
  private readonly hashSeed: number;
  /** Overrides what a container tells. */
  readonly told = new Map<string, Partial<ConfigReport>>();

  constructor(earlier: CatalogRig, given: Policy = policy) {
    const { generation, policyJson, hashSeed } = earlier.catalog.state();
    this.generation = generation;
    this.policyJson = policyJson;
    this.hashSeed = hashSeed;
    this.configs = earlier.placed();
    this.rig = new CatalogRig(given, [], 1_000, 8);
  }

  shardsOf(name: string): ShardReport[] {
    return this.configs.flatMap(({ partition, epoch, version, sync }) =>
      sync
        .filter(({ container }) => container === name)
        .map(({ shardInc }) => ({ partition, epoch, version, shardInc, lastLsn: 10, decidedLsn: 9 })),
    );
  }

  comes(name: string, generation = this.generation): ConnectionId {
    const connection = this.rig.register(name, { shards: this.shardsOf(name), generation });
    if (this.rig.last(connection, 'configRequest') !== undefined) this.answers(name);
    return connection;
  }

  answers(name: string): void {
    this.rig.say(this.rig.played(name).connection, {
      type: 'configReport',
      configs: this.configs,
      last: true,
      shards: this.shardsOf(name),
      containers: ['a', 'b', 'c'],
      policyJson: this.policyJson,
      hashSeed: this.hashSeed,
      ...this.told.get(name),
    });
  }

  /** The operator's command. */
  rebuild(acceptLoss: boolean): RebuildAnswer | undefined {
    const tool = this.rig.open('tool', 'ostraca');
    this.rig.say(tool, { type: 'rebuild', grid: 'shop', acceptLoss });
    return this.rig.last(tool, 'rebuildAnswer');
  }

  reason(): string | undefined {
    return this.rig.catalog.status(this.rig.nowMs).unplaceable[0]?.reason;
  }
}

describe('a catalog without its journal', () => {
  test('goes on with what all members tell, in a newer generation and much higher epochs', () => {
    const orphans = new Orphans(wholeGrid());
    const { rig, configs } = orphans;
    const seedBefore = rig.catalog.state().hashSeed;
    for (const name of ['a', 'b', 'c']) orphans.comes(name);
    expect(rig.catalog.state().generation).toMatch(/^2-/);
    expect(rig.catalog.state().hashSeed, 'that of the shards').not.toBe(seedBefore);
    expect(rig.last(rig.played('a').connection, 'registered')).toMatchObject({
      generation: rig.catalog.state().generation,
      hashSeed: rig.catalog.state().hashSeed,
    });
    rig.pass(LEASE_MS - 100);
    expect(rig.placed(), 'the earlier catalog may have granted a lease until then (K1)').toEqual([]);
    rig.pass(100);
    for (const config of rig.placed()) {
      const before = configs[config.partition] as PartitionConfig;
      expect(config).toEqual({
        ...before,
        epoch: before.epoch + STEP,
        version: before.version + 1,
        keepLsn: KEEP_ALL,
        waitGrants: true,
      });
    }
    expect(rig.placed()).toHaveLength(3);
    expect(rig.catalog.state().losses).toEqual([]);
    expect(orphans.reason()).toBeUndefined();
    expect(compact(rig.catalog.state()).reduce(apply, EMPTY_STATE)).toEqual(rig.catalog.state());
    expect(rig.journal.reduce(apply, EMPTY_STATE)).toEqual(rig.catalog.state());
  });

  test('while it waits, routes are those of the earlier one', () => {
    const orphans = new Orphans(wholeGrid());
    const { rig } = orphans;
    for (const name of ['a', 'b', 'c']) orphans.comes(name);
    const client = rig.open('client', 'x');
    rig.say(client, { type: 'routingRequest', grid: 'shop' });
    expect(rig.last(client, 'routing')?.routes.map(({ primary, epoch }) => [primary, epoch])).toEqual([
      ['a', 1],
      ['b', 1],
      ['c', 1],
    ]);
  });

  test('a partition of which a member is missing waits, and says for whom', () => {
    const orphans = new Orphans(wholeGrid());
    const { rig } = orphans;
    orphans.comes('a');
    orphans.comes('b');
    rig.pass(10_000);
    expect(rig.placed().map(({ partition }) => partition)).toEqual([0]);
    expect(orphans.reason()).toContain('2 of 3 partitions wait for c');
    orphans.comes('c');
    expect(rig.placed()).toHaveLength(3);
    rig.pass(100);
    expect(orphans.reason()).toBeUndefined();
  });

  test('the next life of a member is not the member', () => {
    const orphans = new Orphans(wholeGrid());
    const { rig } = orphans;
    orphans.comes('a');
    orphans.comes('b');
    rig.register('c', { life: 'c2' });
    rig.pass(10_000);
    expect(rig.placed().map(({ partition }) => partition)).toEqual([0]);
  });

  test('the newest configuration counts, whoever tells of it', () => {
    const orphans = new Orphans(wholeGrid());
    const { rig, configs } = orphans;
    const [first] = configs as [PartitionConfig];
    const newer = { ...first, epoch: 7, version: 30, primary: { container: 'b', incarnation: 'b', shardInc: 1 } };
    orphans.told.set('c', { configs: [newer] });
    for (const name of ['a', 'b', 'c']) orphans.comes(name);
    rig.pass(LEASE_MS);
    expect(rig.config(0)).toMatchObject({ epoch: 7 + STEP, version: 31, primary: newer.primary });
  });

  test('a member that has started its shard again is none', () => {
    const orphans = new Orphans(wholeGrid());
    const { rig } = orphans;
    const again = orphans.shardsOf('a').map((shard) => (shard.partition === 0 ? { ...shard, shardInc: 2 } : shard));
    orphans.told.set('a', { shards: again });
    for (const name of ['a', 'b', 'c']) orphans.comes(name);
    rig.pass(3 * LEASE_MS);
    expect(rig.config(0)).toMatchObject({ epoch: 2 + STEP, primary: { container: 'b' } });
  });

  test('a partition that nobody was told of waits until everybody known has answered', () => {
    const orphans = new Orphans(wholeGrid());
    const { rig, configs } = orphans;
    const known = configs.filter(({ partition }) => partition === 0);
    for (const name of ['a', 'b']) orphans.told.set(name, { configs: known });
    orphans.comes('a');
    orphans.comes('b');
    rig.pass(10_000);
    expect(rig.placed().map(({ partition }) => partition)).toEqual([0]);
    orphans.told.set('c', { configs: [], shards: [] });
    orphans.comes('c');
    expect(rig.placed()).toHaveLength(3);
    const { epoch, primary, keepLsn } = rig.config(1);
    expect({ epoch, shardInc: primary.shardInc, keepLsn }).toEqual({
      epoch: 1 + STEP,
      shardInc: emptyShardInc(1 + STEP),
      keepLsn: KEEP_NOTHING,
    });
  });

  test('a container that was asked and says nothing is waited for, until its life is over', () => {
    const rig = new CatalogRig(policy);
    rig.register('a', { generation: '1-earlier' });
    rig.register('b');
    rig.register('c');
    rig.pass(4_900);
    expect(rig.placed()).toEqual([]);
    expect(rig.lastPush('b').unplaceable[0]?.reason).toMatch(/3 of 3 partitions wait for a/);
    rig.kill('a');
    rig.pass(3 * LEASE_MS);
    expect(rig.placed()).toEqual([]);
    rig.register('a', { life: 'a2' });
    expect(rig.placed()).toHaveLength(3);
  });

  test('another policy than that of the shards: nothing is rebuilt, and the difference is told', () => {
    const orphans = new Orphans(wholeGrid(), policyOf({ numberOfPartitions: 5 }));
    const { rig } = orphans;
    for (const name of ['a', 'b', 'c']) orphans.comes(name);
    rig.pass(10_000);
    expect(rig.placed()).toEqual([]);
    expect(orphans.reason()).toContain('numberOfPartitions: 3 in the containers, 5 in the policy');
    expect(orphans.rebuild(true)?.waiting[0]?.reason).toContain('another policy');
    expect(rig.placed()).toEqual([]);
  });

  test('killed while it rebuilds, it asks again', () => {
    const orphans = new Orphans(wholeGrid());
    for (const name of ['a', 'b']) orphans.comes(name);
    orphans.rig.pass(LEASE_MS);
    const { generation } = orphans.rig.catalog.state();
    const again = new CatalogRig(policy, orphans.rig.journal, 90_000);
    const connection = again.register('c', { shards: orphans.shardsOf('c'), generation });
    expect(again.catalog.state().generation).toBe(generation);
    expect(again.last(connection, 'configRequest')).toBeDefined();
  });

  test('one that was replaced, or is of another grid, is told so and changes nothing', () => {
    const rig = wholeGrid();
    const before = rig.catalog.state();
    expect(rig.last(rig.register('d', { generation: '2-newer' }), 'registerRefused')?.reason).toContain('replaced by');
    const shard = { partition: asPartitionId(1), epoch: 4, version: 9, shardInc: 1, lastLsn: 100, decidedLsn: 100 };
    const other = rig.register('e', { generation: '1-other', shards: [shard] });
    expect(rig.last(other, 'registerRefused')?.reason).toContain('another catalog');
    expect(rig.catalog.state()).toEqual(before);
  });
});

describe('an operator says that who is missing is gone', () => {
  test('partitions go on from the members that are there, in a new lineage', () => {
    const orphans = new Orphans(wholeGrid());
    const { rig, configs } = orphans;
    orphans.comes('a');
    orphans.comes('b');
    expect(orphans.rebuild(false)?.waiting[0]?.reason).toContain('ask again');
    rig.pass(LEASE_MS);
    expect(orphans.rebuild(false)).toMatchObject({ code: 0, rebuilt: [1, 2], waiting: [] });
    expect(rig.placed().map(({ primary }) => primary.container)).toEqual(['a', 'b', 'a']);
    for (const partition of [1, 2]) {
      expect(rig.config(partition).lineage).not.toBe(configs[partition]?.lineage);
      expect(rig.config(partition).epoch).toBe(1 + STEP);
    }
    expect(rig.config(2), 'the missing member is none any more').toMatchObject({ elr: [], keepLsn: KEEP_ALL });
    expect(rig.noted('partition_lost_data')).toHaveLength(2);
    expect(rig.catalog.state().losses.map(({ partition, kind }) => [partition, kind])).toEqual([
      [1, 'rebuilt'],
      [2, 'rebuilt'],
    ]);
  });

  test('nothing is made empty unless the loss is accepted', () => {
    const orphans = new Orphans(wholeGrid());
    const { rig } = orphans;
    orphans.comes('a');
    rig.pass(LEASE_MS);
    const refused = orphans.rebuild(false);
    expect(refused).toMatchObject({ rebuilt: [0, 2] });
    expect(refused?.waiting).toEqual([{ partition: 1, reason: expect.stringContaining('held every full copy') }]);
    expect(orphans.rebuild(true)).toMatchObject({ rebuilt: [1], waiting: [] });
    expect(rig.config(1)).toMatchObject({ epoch: 2 + STEP, primary: { container: 'a' }, keepLsn: KEEP_NOTHING });
  });

  test('only a tool is listened to, and only about a grid that is there', () => {
    const orphans = new Orphans(wholeGrid());
    const { rig } = orphans;
    const client = rig.open('client', 'x');
    rig.say(client, { type: 'rebuild', grid: 'shop', acceptLoss: true });
    expect(rig.last(client, 'rebuildAnswer')).toBeUndefined();
    const tool = rig.open('tool', 'x');
    rig.say(tool, { type: 'rebuild', grid: 'nowhere', acceptLoss: true });
    expect(rig.last(tool, 'rebuildAnswer')).toMatchObject({ code: 14, rebuilt: [], waiting: [] });
  });
});

describe('a whole in-sync set is lost', () => {
  function lossyGrid(onInSyncLoss: OnInSyncLoss): CatalogRig {
    const mapSet = mapSetPolicy({ numberOfPartitions: 1, maxAsyncReplicas: 2, numInitialContainers: 4, onInSyncLoss });
    const rig = new CatalogRig({ grids: [{ name: 'shop', mapSets: [mapSet] }] });
    for (const name of ['a', 'b', 'c', 'd']) rig.register(name);
    rig.pass(2_100);
    rig.settle();
    expect(showConfig(rig.config(0))).toBe('p0 e1 v2 P=a S=a,b async=c,d');
    for (const [name, decidedLsn] of [
      ['c', 7],
      ['d', 9],
    ] as const) {
      const shard = { partition: asPartitionId(0), epoch: 1, version: 2, shardInc: 3, lastLsn: 12, decidedLsn };
      rig.say(rig.played(name).connection, { type: 'copyReport', shards: [shard] });
    }
    return rig;
  }

  function loseAll(rig: CatalogRig): void {
    const tool = rig.open('tool', 'dev');
    for (const name of ['a', 'b']) {
      rig.kill(name);
      rig.say(tool, { type: 'provedDead', container: name, incarnation: name });
    }
  }

  test('promoteAsync: the copy that has decided most, with nothing undecided, in a new lineage', () => {
    const rig = lossyGrid('promoteAsync');
    const before = rig.config(0);
    loseAll(rig);
    const config = rig.config(0);
    expect(config).toMatchObject({ epoch: 3, keepLsn: KEEP_DECIDED, waitGrants: true, lost: false, elr: [] });
    expect(config.primary).toEqual({ container: 'd', incarnation: 'd', shardInc: 3 });
    expect(config.lineage).not.toBe(before.lineage);
    expect(rig.catalog.state().losses).toEqual([
      { partition: 0, lineage: before.lineage, keptLsn: 9, epoch: 3, kind: 'promoteAsync' },
    ]);
    expect(rig.noted('partition_lost_data')).toHaveLength(1);
  });

  test('startEmpty: a shard with nothing in it, under a Rid that was never used', () => {
    const rig = lossyGrid('startEmpty');
    loseAll(rig);
    const { epoch, keepLsn, primary } = rig.config(0);
    expect({ epoch, keepLsn, shardInc: primary.shardInc }).toEqual({
      epoch: 3,
      keepLsn: KEEP_NOTHING,
      shardInc: emptyShardInc(3),
    });
    expect(['c', 'd']).toContain(primary.container);
  });

  test('unavailable: it waits for ever, or for an operator', () => {
    const rig = lossyGrid('unavailable');
    loseAll(rig);
    rig.pass(60_000);
    expect(rig.config(0)).toMatchObject({ lost: true, epoch: 2 });
    const tool = rig.open('tool', 'x');
    rig.say(tool, { type: 'rebuild', grid: 'shop', acceptLoss: false });
    expect(rig.last(tool, 'rebuildAnswer')).toMatchObject({ rebuilt: [], waiting: [{ partition: 0 }] });
    rig.say(tool, { type: 'rebuild', grid: 'shop', acceptLoss: true });
    expect(rig.config(0)).toMatchObject({ epoch: 3, primary: { container: 'd' }, keepLsn: KEEP_DECIDED });
  });

  test('silence is no proof; the next life of the name is', () => {
    const rig = lossyGrid('promoteAsync');
    rig.kill('a');
    rig.kill('b');
    rig.pass(10 * LEASE_MS);
    expect(rig.config(0).lost).toBe(true);
    rig.register('a', { life: 'a2' });
    expect(rig.config(0).lost).toBe(true);
    rig.register('b', { life: 'b2' });
    expect(rig.config(0)).toMatchObject({ lost: false, primary: { container: 'd' } });
  });

  test('without a copy promoteAsync makes nothing of nothing', () => {
    const rig = lossyGrid('promoteAsync');
    for (const name of ['c', 'd']) rig.say(rig.played(name).connection, { type: 'copyReport', shards: [] });
    loseAll(rig);
    rig.pass(60_000);
    expect(rig.config(0).lost).toBe(true);
  });
});
