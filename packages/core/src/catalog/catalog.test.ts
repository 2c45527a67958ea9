import { describe, expect, test } from 'vitest';
import { GridError } from '../errors.ts';
import { asPartitionId } from '../ids.ts';
import { CatalogRig } from './catalog-rig.test-lib.ts';
import { policyOf, showConfig } from './grid.test-lib.ts';
import { apply, compact, EMPTY_STATE } from './state.ts';

const LEASE_MS = 3_000;
const policy = policyOf({ numberOfPartitions: 3 });

/** Three containers, every partition placed and whole. */
function wholeGrid(given = policy): CatalogRig {
  const rig = new CatalogRig(given);
  for (const name of ['a', 'b', 'c']) rig.register(name);
  rig.pass(2_100);
  rig.settle();
  return rig;
}

function shown(rig: CatalogRig): string[] {
  return rig.placed().map(showConfig);
}

describe('start', () => {
  test('nothing is placed before the wait is over; then everything is', () => {
    const rig = new CatalogRig(policy);
    for (const name of ['a', 'b', 'c']) rig.register(name);
    rig.pass(1_900);
    expect(rig.placed()).toEqual([]);
    rig.pass(200);
    expect(shown(rig)).toEqual([
      'p0 e1 v1 P=a S=a joining=b',
      'p1 e1 v1 P=b S=b joining=c',
      'p2 e1 v1 P=c S=c joining=a',
    ]);
    expect(rig.lastPush('a').configs).toHaveLength(3);
  });

  test('registered comes before the push of everything', () => {
    const rig = wholeGrid();
    const configs = rig.placed();
    const connection = rig.register('d');
    const types = rig.sent.filter((one) => one.connection === connection).map(({ message }) => message.type);
    expect(types.slice(0, 2)).toEqual(['registered', 'configPush']);
    expect(rig.last(connection, 'registered')).toMatchObject({ leaseMs: LEASE_MS, heartbeatMs: 500 });
    const push = rig.sent.find((one) => one.connection === connection && one.message.type === 'configPush')?.message;
    expect(push).toMatchObject({ full: true, configs });
  });

  test('why nothing is placed is said within 5 s', () => {
    const rig = new CatalogRig(policyOf({ developmentMode: false }));
    for (const name of ['a', 'b', 'c']) rig.register(name);
    const client = rig.open('client', 'x');
    rig.say(client, { type: 'routingRequest', grid: 'shop' });
    rig.pass(4_900);
    const reason = '3 containers on 1 host, developmentMode is false';
    expect(rig.noted('unplaceable').map(({ facts }) => facts)).toEqual([{ grid: 'shop', mapSet: 'set0', reason }]);
    expect(rig.lastPush('a').unplaceable).toEqual([{ grid: 'shop', mapSet: 'set0', reason }]);
    expect(rig.last(client, 'routing')?.mapSets[0]?.unplaceable).toBe(reason);
    expect(rig.catalog.status(rig.nowMs).unplaceable).toHaveLength(1);
    rig.register('d', { host: 'other' });
    expect(rig.placed().length).toBeGreaterThan(0);
    expect(rig.last(client, 'routing')?.mapSets[0]?.unplaceable).toBe('');
  });

  test('without any container it is said too', () => {
    const rig = new CatalogRig(policy);
    rig.pass(4_900);
    expect(rig.noted('unplaceable').map(({ facts }) => facts.reason)).toEqual(['0 of 2 containers']);
  });
});

describe('leases and promotion', () => {
  test('an acknowledgement lists exactly the partitions whose primary the container is', () => {
    const rig = wholeGrid();
    const { partition, epoch, version } = rig.config(0);
    expect(rig.beat('a')?.leases).toEqual([{ partition, epoch, version }]);
  });

  test('a silent primary is deposed a lease after its last heartbeat, and a lost connection hastens nothing', () => {
    const rig = wholeGrid();
    rig.kill('a');
    rig.pass(LEASE_MS - 100);
    expect(rig.config(0).primary.container).toBe('a');
    rig.pass(100);
    expect(rig.config(0)).toMatchObject({ epoch: 2, waitGrants: true });
    expect(rig.config(0).primary.container).toBe('b');
    expect(rig.noted('promoted').map(({ facts }) => facts)).toMatchObject([
      { partition: 0, from: 'a', to: 'b', source: 'sync' },
    ]);
    expect(rig.lastPush('b').members.find(({ container }) => container === 'a')?.alive).toBe(false);
  });

  test('late ticks prove nothing about silence', () => {
    const rig = wholeGrid();
    rig.played('a').beats = false;
    rig.nowMs += 10_000;
    rig.tick(9_900);
    expect(rig.noted('container_dead')).toEqual([]);
    rig.pass(LEASE_MS + 100);
    expect(rig.noted('container_dead').map(({ facts }) => facts.container)).toEqual(['a']);
  });

  test('proof of death and leaving end a life at once, without a wait for grants', () => {
    const rig = wholeGrid();
    const tool = rig.open('tool', 'dev');
    rig.say(tool, { type: 'provedDead', container: 'a', incarnation: 'another' });
    expect(rig.config(0).epoch).toBe(1);
    rig.kill('a');
    rig.say(tool, { type: 'provedDead', container: 'a', incarnation: 'a' });
    expect(showConfig(rig.config(0))).toBe('p0 e2 v4 P=b S=b joining=c');
    const { connection } = rig.played('b');
    rig.settle();
    rig.pass(LEASE_MS);
    rig.say(connection, { type: 'leave' });
    expect(rig.last(connection, 'left')).toBeDefined();
    expect(rig.config(0)).toMatchObject({ epoch: 3, waitGrants: false });
    expect(rig.beat('b')).toBeUndefined();
    expect(rig.catalog.status(rig.nowMs).containers.map(({ ended }) => ended)).toEqual(['provedDead', 'left', 'no']);
  });

  test('a client may not prove a death', () => {
    const rig = wholeGrid();
    rig.say(rig.open('client', 'x'), { type: 'provedDead', container: 'a', incarnation: 'a' });
    expect(rig.config(0).epoch).toBe(1);
  });

  test('grants to the primary before the one that was proved dead are waited out too', () => {
    const rig = wholeGrid(policyOf({ numberOfPartitions: 1, maxSyncReplicas: 2 }));
    expect(rig.config(0).sync).toHaveLength(3);
    rig.kill('a');
    rig.pass(LEASE_MS);
    expect(rig.config(0)).toMatchObject({ epoch: 2, waitGrants: true });
    const { container, incarnation } = rig.config(0).primary;
    rig.say(rig.open('tool', 'dev'), { type: 'provedDead', container, incarnation });
    expect(rig.config(0)).toMatchObject({ epoch: 3, waitGrants: true });
  });

  test('a primary that its replica reaches goes on until it is reached no more', () => {
    const rig = wholeGrid();
    rig.played('a').beats = false;
    rig.played('b').reachable = ['a'];
    rig.pass(3 * LEASE_MS);
    expect(rig.config(0).epoch).toBe(1);
    rig.played('b').reachable = [];
    rig.pass(500);
    expect(rig.config(0)).toMatchObject({ epoch: 2 });
  });

  test('a container that was silent comes back by a heartbeat, and holds what nobody took', () => {
    const rig = wholeGrid(
      policyOf({ numberOfPartitions: 1, minSyncReplicas: 0, maxSyncReplicas: 0, numInitialContainers: 1 }),
    );
    const { container } = rig.config(0).primary;
    rig.played(container).beats = false;
    rig.pass(LEASE_MS + 100);
    expect(rig.config(0).lost).toBe(true);
    expect(rig.noted('partition_lost')).toHaveLength(1);
    rig.beat(container);
    expect(rig.config(0)).toMatchObject({ lost: false, epoch: 1 });
    expect(rig.beat(container)?.leases).toHaveLength(1);
  });

  test('a lost partition is taken by an eligible replica that comes back', () => {
    const rig = wholeGrid(policyOf({ numberOfPartitions: 1 }));
    rig.kill('c');
    rig.kill('b');
    rig.pass(LEASE_MS + 100);
    rig.settle();
    expect(showConfig(rig.config(0))).toBe('p0 e1 v3 P=a S=a elr=b/5 joining=b');
    rig.kill('a');
    rig.pass(LEASE_MS + 100);
    expect(rig.config(0).lost).toBe(true);
    rig.register('b');
    expect(showConfig(rig.config(0))).toBe('p0 e2 v5 P=b S=b elr=a/all keep=5 wait');
    expect(rig.noted('promoted').at(-1)?.facts.source).toBe('elr');
  });
});

describe('a container that fell silent', () => {
  const fourOf = (given: ReturnType<typeof policyOf>): CatalogRig => {
    const rig = new CatalogRig({ ...given });
    for (const name of ['a', 'b', 'c', 'd']) rig.register(name);
    rig.pass(2_100);
    rig.settle();
    return rig;
  };
  const wide = policyOf({ numberOfPartitions: 1, minSyncReplicas: 1, maxSyncReplicas: 2 });

  test('keeps its place while enough others are left, and loses it after five leases more', () => {
    const rig = fourOf(wide);
    expect(showConfig(rig.config(0))).toMatch(/ S=a,b,c$/);
    rig.played('c').beats = false;
    rig.pass(LEASE_MS + 100);
    rig.change('evict', 0, { container: 'c', incarnation: 'c' });
    expect(showConfig(rig.config(0))).toMatch(/ S=a,b joining=c$/);
    rig.pass(5 * LEASE_MS - 500);
    expect(showConfig(rig.config(0))).toMatch(/ S=a,b joining=c$/);
    rig.pass(1_000);
    expect(showConfig(rig.config(0))).toMatch(/ S=a,b joining=d$/);
  });

  test('keeps its place as the old primary, too', () => {
    const rig = fourOf(wide);
    rig.played('a').beats = false;
    rig.pass(LEASE_MS + 500);
    expect(showConfig(rig.config(0))).toMatch(/^p0 e2 v\d+ P=b S=b,c joining=a wait$/);
  });

  test('is replaced at once when it has ended, or when too few are left', () => {
    const rig = fourOf(wide);
    rig.say(rig.open('tool', 'dev'), { type: 'provedDead', container: 'c', incarnation: 'c' });
    rig.change('evict', 0, { container: 'c', incarnation: 'c' });
    expect(showConfig(rig.config(0))).toMatch(/ S=a,b joining=d$/);
    const narrow = fourOf(policyOf({ numberOfPartitions: 1, minSyncReplicas: 2, maxSyncReplicas: 2 }));
    narrow.played('c').beats = false;
    narrow.pass(LEASE_MS + 100);
    narrow.change('evict', 0, { container: 'c', incarnation: 'c' });
    expect(showConfig(narrow.config(0))).toMatch(/ S=a,b elr=c\/\d+ joining=d$/);
  });
});

describe('damage', () => {
  test('a failed primary gets no more acknowledgements and is deposed when its lease has run out', () => {
    const rig = wholeGrid();
    const { connection } = rig.played('a');
    rig.say(connection, {
      type: 'replicaFailed',
      partition: asPartitionId(0),
      rid: rig.config(0).primary,
      reason: 'digest',
    });
    expect(rig.beat('a')?.leases).toEqual([]);
    rig.pass(LEASE_MS - 100);
    expect(rig.config(0).epoch).toBe(1);
    rig.pass(200);
    expect(showConfig(rig.config(0))).toMatch(/^p0 e2 v\d P=b S=b joining=. wait$/);
  });

  test('a failed member of the in-sync set is not promoted', () => {
    const rig = wholeGrid();
    const rid = rig.config(0).sync[1];
    expect(rid?.container).toBe('b');
    if (rid === undefined) return;
    rig.say(rig.played('c').connection, {
      type: 'replicaFailed',
      partition: asPartitionId(0),
      rid,
      reason: 'not mine',
    });
    expect(rig.noted('replica_failed')).toEqual([]);
    rig.say(rig.played('b').connection, { type: 'replicaFailed', partition: asPartitionId(0), rid, reason: 'digest' });
    rig.kill('a');
    rig.pass(LEASE_MS + 100);
    expect(rig.config(0)).toMatchObject({ lost: true, epoch: 1 });
  });

  test('a shard that was rebuilt in its process counts as failed', () => {
    const rig = wholeGrid();
    const { epoch, version } = rig.config(0);
    const shard = { partition: asPartitionId(0), epoch, version, shardInc: 2, lastLsn: 0, decidedLsn: 0 };
    rig.register('b', { shards: [shard], generation: rig.catalog.state().generation });
    expect(rig.noted('replica_failed').map(({ facts }) => facts.container)).toEqual(['b']);
  });
});

describe('names', () => {
  test('a new life waits for the lease of the older one, unless its death is proved', () => {
    const rig = wholeGrid();
    rig.kill('a');
    const refused = rig.register('a', { life: 'a2' });
    expect(rig.last(refused, 'registerRefused')).toMatchObject({ code: 28 });
    rig.register('a', { life: 'a2' });
    expect(rig.noted('name_in_use')).toHaveLength(1);
    rig.pass(LEASE_MS + 100);
    rig.register('a', { life: 'a2' });
    expect(rig.last(rig.played('a').connection, 'registered')).toBeDefined();
    expect(rig.catalog.state().containers.map(({ incarnation }) => incarnation)).toEqual(['a2', 'b', 'c']);

    rig.kill('b');
    rig.say(rig.open('tool', 'dev'), { type: 'provedDead', container: 'b', incarnation: 'b' });
    expect(rig.last(rig.register('b', { life: 'b2' }), 'registered')).toBeDefined();
    expect(rig.last(rig.register('b', { life: 'b' }), 'registerRefused')).toBeDefined();
  });

  test('the same life over a new connection replaces the older one, whose messages count no more', () => {
    const rig = wholeGrid();
    const older = rig.played('a').connection;
    rig.register('a');
    expect(rig.hungUp).toEqual([older]);
    const acks = rig.sent.length;
    rig.say(older, { type: 'heartbeat', seq: 1, sentAtMs: 0, leaseGen: 1, reachable: [] });
    expect(rig.sent.length).toBe(acks);
    rig.catalog.onClose(older, 'hung up', rig.nowMs);
    expect(rig.catalog.status(rig.nowMs).containers[0]?.suspect).toBe(false);
  });

  test('who registers is who said hello', () => {
    const rig = new CatalogRig(policy);
    const connection = rig.open('container', 'a', 'life');
    const register = {
      type: 'register',
      incarnation: 'life',
      address: '',
      host: '',
      zone: '',
      generation: '',
      shards: [],
    } as const;
    rig.say(connection, { ...register, name: 'b' });
    expect(rig.last(connection, 'registerRefused')).toMatchObject({ code: 16 });
  });
});

describe('restart', () => {
  test('the same epochs, generation and key; every life counts as alive for the largest lease', () => {
    const rig = wholeGrid();
    rig.kill('a');
    rig.pass(LEASE_MS + 100);
    rig.settle();
    const before = rig.catalog.state();

    const again = new CatalogRig(policy, rig.journal, 50_000);
    expect(again.catalog.state()).toEqual(before);
    expect(again.journal).toEqual(rig.journal);
    again.register('b');
    again.beat('b');
    expect(again.beat('b')?.leases.length).toBeGreaterThan(0);
    again.pass(LEASE_MS - 100);
    expect(again.catalog.state().partitions).toEqual(before.partitions);
    expect(again.last(again.register('c', { life: 'c2' }), 'registerRefused')).toMatchObject({ code: 28 });
    again.pass(100);
    expect(again.noted('container_dead').map(({ facts }) => facts.container)).toEqual(['a', 'c']);
    again.settle();
    for (const config of again.placed()) {
      const older = before.partitions[config.partition];
      expect(config.version).toBeGreaterThanOrEqual(older?.version ?? 0);
      expect(config.epoch).toBeGreaterThanOrEqual(older?.epoch ?? 0);
    }
  });

  test('even a proof of death promotes nobody before the wait is over', () => {
    const rig = wholeGrid();
    const again = new CatalogRig(policy, rig.journal, 50_000);
    again.register('b');
    again.register('c');
    again.say(again.open('tool', 'dev'), { type: 'provedDead', container: 'a', incarnation: 'a' });
    again.pass(LEASE_MS - 100);
    expect(again.config(0).epoch).toBe(1);
    again.pass(100);
    expect(again.config(0)).toMatchObject({ epoch: 2 });
  });

  test('a rewritten journal makes the same state', () => {
    const rig = wholeGrid();
    rig.say(rig.played('b').connection, {
      type: 'replicaFailed',
      partition: asPartitionId(0),
      rid: { container: 'b', incarnation: 'b', shardInc: 1 },
      reason: 'x',
    });
    rig.kill('a');
    rig.say(rig.open('tool', 'dev'), { type: 'provedDead', container: 'a', incarnation: 'a' });
    const state = rig.catalog.state();
    const events = JSON.parse(JSON.stringify(compact(state))) as ReturnType<typeof compact>;
    expect(events.reduce(apply, EMPTY_STATE)).toEqual(state);
  });

  test('another policy is refused with the difference', () => {
    const { journal } = wholeGrid();
    const other = policyOf({ numberOfPartitions: 5 });
    expect(() => new CatalogRig(other, journal)).toThrow(GridError);
    expect(() => new CatalogRig(other, journal)).toThrow(
      'grids[0].mapSets[0].numberOfPartitions: 3 in the journal, 5 in the policy',
    );
  });
});

describe('shards of an earlier catalog', () => {
  const shard = { partition: asPartitionId(1), epoch: 4, version: 9, shardInc: 1, lastLsn: 100, decidedLsn: 100 };

  test('a journal that lost its end notices by the epoch', () => {
    const rig = wholeGrid();
    rig.register('d', { shards: [shard], generation: rig.catalog.state().generation });
    expect(rig.noted('foreign_shards').map(({ facts }) => facts.container)).toEqual(['d']);
  });
});

describe('routing', () => {
  test('asked for once, pushed at every change of the way, not at changes of the in-sync set', () => {
    const rig = wholeGrid();
    const client = rig.open('client', 'x');
    rig.say(client, { type: 'routingRequest', grid: 'nowhere' });
    expect(rig.last(client, 'routingRefused')).toMatchObject({ grid: 'nowhere', code: 14 });
    rig.say(client, { type: 'routingRequest', grid: 'shop' });
    const first = rig.last(client, 'routing');
    expect(first?.routes.map(({ primary, address }) => [primary, address])).toEqual([
      ['a', 'ws://a'],
      ['b', 'ws://b'],
      ['c', 'ws://c'],
    ]);
    rig.change('evict', 1, { container: 'c', incarnation: 'c' });
    expect(rig.last(client, 'routing')).toBe(first);
    rig.kill('a');
    rig.say(rig.open('tool', 'dev'), { type: 'provedDead', container: 'a', incarnation: 'a' });
    const next = rig.last(client, 'routing');
    expect(next?.routes[0]).toMatchObject({ primary: 'b', epoch: 2 });
    expect(next?.addresses).toEqual(['ws://b', 'ws://c']);
  });
});

test('a container killed and restarted again and again: everything is whole each time, epochs only grow', () => {
  const rig = wholeGrid(policyOf({ numberOfPartitions: 13 }));
  const epochs = new Map<number, number>();
  for (let life = 2; life < 12; life += 1) {
    const name = ['a', 'b', 'c'][life % 3] ?? 'a';
    rig.kill(name);
    rig.pass(LEASE_MS + 100);
    rig.settle();
    rig.register(name, { life: `${name}${life}` });
    for (let round = 0; round < 6; round += 1) rig.settle();
    for (const config of rig.placed()) {
      expect(config.sync).toHaveLength(2);
      expect(config.elr).toEqual([]);
      expect(config.epoch).toBeGreaterThanOrEqual(epochs.get(config.partition) ?? 1);
      epochs.set(config.partition, config.epoch);
    }
    const { containers } = rig.catalog.status(rig.nowMs);
    expect(containers.map((one) => one.primaries + one.syncReplicas).sort()).toEqual([8, 9, 9]);
  }
});
