import { expect, test } from 'vitest';
import { must } from '../assert.ts';
import { CatalogRig } from './catalog-rig.test-lib.ts';
import { policyOf, showConfig } from './grid.test-lib.ts';

const LEASE_MS = 3_000;

/** One partition, whole; everybody is reached by everybody. */
function wholeGrid(minSyncReplicas: number, maxSyncReplicas: number): CatalogRig {
  const rig = new CatalogRig(policyOf({ numberOfPartitions: 1, minSyncReplicas, maxSyncReplicas }));
  for (const name of ['a', 'b', 'c']) rig.register(name);
  for (const played of rig.containers.values()) played.reachable = ['a', 'b', 'c'];
  rig.pass(2_100);
  rig.settle();
  rig.pass(500);
  expect(rig.config(0).sync).toHaveLength(1 + maxSyncReplicas);
  return rig;
}

function reasonsTold(rig: CatalogRig, container: string): string | undefined {
  return rig.last(rig.played(container).connection, 'changeRejected')?.reason;
}

test('a primary that its replica does not reach goes itself, after its lease', () => {
  const rig = wholeGrid(1, 1);
  const before = rig.config(0);
  rig.played('b').reachable = ['c'];
  rig.pass(500);
  const askedMs = rig.nowMs;
  rig.change('evict', 0, must(before.sync[1], 'b'));
  expect(reasonsTold(rig, 'a')).toContain('does not reach the primary');
  expect(rig.noted('primary_to_go').map(({ facts }) => facts)).toEqual([{ partition: 0, epoch: 1, primary: 'a' }]);
  // K3: it lives, and beats, and no lease of this partition is renewed.
  expect(rig.beat('a')?.leases).toEqual([]);
  while (rig.config(0).epoch === 1) rig.pass(100);
  expect(rig.nowMs - askedMs).toBeGreaterThanOrEqual(LEASE_MS - 100);
  expect(rig.nowMs - askedMs).toBeLessThanOrEqual(LEASE_MS + 200);
  expect(showConfig(rig.config(0))).toContain('P=b S=b elr=a/all');
  expect(rig.config(0).waitGrants).toBe(true);
  rig.pass(2 * LEASE_MS);
  expect(rig.config(0).epoch).toBe(2);
});

test('asked again meanwhile, it waits no longer', () => {
  const rig = wholeGrid(1, 1);
  const evictee = must(rig.config(0).sync[1], 'b');
  rig.played('b').reachable = [];
  rig.pass(500);
  rig.change('evict', 0, evictee);
  rig.pass(LEASE_MS - 500);
  rig.change('evict', 0, evictee);
  expect(rig.noted('primary_to_go')).toHaveLength(1);
  rig.pass(600);
  expect(rig.config(0).epoch).toBe(2);
});

test('a primary that is reached again by then stays, with its leases', () => {
  const rig = wholeGrid(1, 1);
  rig.played('b').reachable = [];
  rig.pass(500);
  rig.change('evict', 0, must(rig.config(0).sync[1], 'b'));
  rig.pass(1_000);
  rig.played('b').reachable = ['a'];
  rig.pass(LEASE_MS);
  expect(rig.config(0).epoch).toBe(1);
  expect(rig.beat('a')?.leases).toHaveLength(1);
  expect(rig.config(0).lost).toBe(false);
});

test('an eviction that leaves enough, of who is dead, or that most of S has nothing against is granted', () => {
  const enough = wholeGrid(1, 2);
  enough.played('b').reachable = [];
  enough.played('c').reachable = [];
  enough.pass(500);
  enough.change('evict', 0, must(enough.config(0).sync[1], 'b'));
  expect(enough.config(0).sync).toHaveLength(2);

  const dead = wholeGrid(1, 1);
  dead.played('b').reachable = [];
  dead.pass(500);
  dead.kill('b');
  dead.pass(LEASE_MS + 100);
  dead.change('evict', 0, must(dead.config(0).sync[1], 'b'));
  expect(showConfig(dead.config(0))).toContain('S=a elr=b/5');

  const one = wholeGrid(2, 2);
  one.played('b').reachable = ['c'];
  one.pass(500);
  one.change('evict', 0, must(one.config(0).sync[1], 'b'));
  expect(showConfig(one.config(0))).toContain('S=a,c elr=b/5');

  const most = wholeGrid(2, 2);
  for (const name of ['b', 'c']) most.played(name).reachable = ['b', 'c'];
  most.pass(500);
  most.change('evict', 0, must(most.config(0).sync[1], 'b'));
  expect(reasonsTold(most, 'a')).toContain('does not reach the primary');
});
