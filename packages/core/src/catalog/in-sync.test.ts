import { expect, test } from 'vitest';
import type { Rid } from '../ids.ts';
import type { ChangeInSync } from '../messages.ts';
import { configOf, ridOf } from './catalog-rig.test-lib.ts';
import { showConfig } from './grid.test-lib.ts';
import { changeInSync, type InSyncFacts } from './in-sync.ts';

const [a, b, c] = [ridOf('a'), ridOf('b'), ridOf('c')];

function ask(
  config: ReturnType<typeof configOf>,
  change: Partial<ChangeInSync> & { kind: 'add' | 'evict'; target: Rid },
  facts: Partial<InSyncFacts> = {},
): string {
  const { partition, epoch, version } = config;
  const result = changeInSync(
    config,
    { type: 'changeInSync', changeId: 1, partition, epoch, version, keepLsn: 5, ...change },
    {
      minSyncReplicas: 1,
      maxSyncReplicas: 1,
      from: a,
      isAlive: () => true,
      isAwaited: () => false,
      hasFailed: () => false,
      ...facts,
    },
  );
  return result.done ? showConfig(result.config) : result.reason;
}

const dead = { isAlive: () => false };

test('only of the configuration that holds, and only by its primary', () => {
  const config = configOf({ sync: [a, b] });
  expect(ask(config, { kind: 'evict', target: b, version: 7 })).toBe('another configuration holds');
  expect(ask(config, { kind: 'evict', target: b, epoch: 2 })).toBe('another configuration holds');
  expect(ask(config, { kind: 'evict', target: b }, { from: b })).toBe('only the primary asks');
  expect(ask(config, { kind: 'evict', target: a })).toBe('the primary cannot evict itself');
  expect(ask(config, { kind: 'evict', target: c })).toBe('the target is not in sync');
  expect(ask(config, { kind: 'evict', target: ridOf('b', 2) })).toBe('the target is not in sync');
});

test('evicted below the minimum: eligible, with the cut that the primary gave', () => {
  expect(ask(configOf({ sync: [a, b] }), { kind: 'evict', target: b }, dead)).toBe('p0 e3 v9 P=a S=a elr=b/5');
});

test('evicted at the minimum: out', () => {
  expect(ask(configOf({ sync: [a, b, c] }), { kind: 'evict', target: b }, dead)).toBe('p0 e3 v9 P=a S=a,c');
});

test('a replica whose state is gone is never eligible', () => {
  const facts = { ...dead, hasFailed: ({ container }: Rid) => container === 'b' };
  expect(ask(configOf({ sync: [a, b] }), { kind: 'evict', target: b }, facts)).toBe('p0 e3 v9 P=a S=a');
});

test('a silent one that may come back keeps its place', () => {
  const facts = { ...dead, maxSyncReplicas: 2, isAwaited: () => true };
  expect(ask(configOf({ sync: [a, b, c] }), { kind: 'evict', target: b }, facts)).toBe('p0 e3 v9 P=a S=a,c joining=b');
});

test('a slow one that lives joins again; one that was to leave does not', () => {
  expect(ask(configOf({ sync: [a, b] }), { kind: 'evict', target: b })).toBe('p0 e3 v9 P=a S=a elr=b/5 joining=b');
  const leaving = configOf({ sync: [a, b, c], leaving: [b] });
  expect(ask(leaving, { kind: 'evict', target: b })).toBe('p0 e3 v9 P=a S=a,c');
});

test('back at the minimum everybody eligible is let go', () => {
  const elr = [
    { rid: b, keepLsn: 5 },
    { rid: c, keepLsn: 3 },
  ];
  const config = configOf({ elr, joining: [c] });
  expect(ask(config, { kind: 'add', target: c })).toBe('p0 e3 v9 P=a S=a,c');
  expect(ask(config, { kind: 'add', target: c }, { minSyncReplicas: 2 })).toBe('p0 e3 v9 P=a S=a,c elr=b/5');
});

test('only who lives, was placed here and has its state is added', () => {
  expect(ask(configOf(), { kind: 'add', target: b })).toBe('the target is not placed here');
  const config = configOf({ sync: [a, c], joining: [b] });
  expect(ask(config, { kind: 'add', target: b }, dead)).toBe('the target is not a registered life');
  expect(ask(config, { kind: 'add', target: ridOf('c', 2) })).toBe('the target is in sync');
  expect(ask(config, { kind: 'add', target: b }, { hasFailed: (rid) => rid === b })).toBe('the target has failed');
  expect(ask(configOf({ async: [b] }), { kind: 'add', target: b })).toBe('p0 e3 v9 P=a S=a,b');
});

test('an accepted change proves that the primary has made its cut', () => {
  expect(ask(configOf({ sync: [a, b, c], keepLsn: 4 }), { kind: 'evict', target: b }, dead)).toBe('p0 e3 v9 P=a S=a,c');
});
