import { expect, test } from 'vitest';
import { configOf, ridOf } from './catalog-rig.test-lib.ts';
import { KEEP_ALL } from './config.ts';
import { showConfig } from './grid.test-lib.ts';
import { decidePromotion, type PromotionFacts } from './promotion.ts';

const [a, b, c] = [ridOf('a'), ridOf('b'), ridOf('c')];

function facts(live: string, fields: Partial<PromotionFacts> = {}): PromotionFacts {
  return {
    minSyncReplicas: 1,
    isPrimaryGone: true,
    isPrimaryReached: false,
    isReleased: false,
    isPromotable: ({ container }) => live.includes(container),
    isAwaited: () => false,
    isGoneForEver: () => false,
    rank: () => 0,
    ...fields,
  };
}

function promote(config: ReturnType<typeof configOf>, given: PromotionFacts): string | undefined {
  const next = decidePromotion(config, given);
  return next === undefined ? undefined : showConfig(next);
}

test('a live primary stays', () => {
  expect(promote(configOf({ sync: [a, b] }), facts('ab', { isPrimaryGone: false }))).toBeUndefined();
});

test('at the minimum the old primary is out, and so is whoever was eligible', () => {
  const config = configOf({ sync: [a, b, c], elr: [{ rid: ridOf('d'), keepLsn: 4 }] });
  expect(promote(config, facts('bc'))).toBe('p0 e4 v9 P=b S=b,c wait');
});

test('at the minimum whoever is silent and may come back joins', () => {
  const given = facts('c', { minSyncReplicas: 0, isAwaited: ({ container }) => container !== 'b' });
  expect(promote(configOf({ sync: [a, b, c] }), given)).toBe('p0 e4 v9 P=c S=c joining=a wait');
});

test('below the minimum the old primary stays eligible with its whole log, and so do others', () => {
  const config = configOf({ sync: [a, b], elr: [{ rid: c, keepLsn: 4 }] });
  expect(promote(config, facts('bc'))).toBe('p0 e4 v9 P=b S=b elr=c/4,a/all wait');
});

test('members of S that are silent too leave it, and stay eligible while S is below the minimum', () => {
  expect(promote(configOf({ sync: [a, b, c] }), facts('c'))).toBe('p0 e4 v9 P=c S=c elr=a/all,b/all wait');
});

test('a primary that its replicas reach goes on', () => {
  expect(promote(configOf({ sync: [a, b] }), facts('b', { isPrimaryReached: true }))).toBeUndefined();
});

test('who has fewest primaries is promoted, at a tie by name', () => {
  const config = configOf({ sync: [a, b, c] });
  expect(promote(config, facts('bc', { rank: ({ container }) => (container === 'b' ? 1 : 0) }))).toMatch(/P=c/);
  expect(promote(configOf({ sync: [a, c, b] }), facts('bc'))).toMatch(/P=b/);
});

test('without a live member of S an eligible replica is promoted with its cut', () => {
  const config = configOf({ sync: [a, b], elr: [{ rid: c, keepLsn: 4 }] });
  expect(promote(config, facts('c'))).toBe('p0 e4 v9 P=c S=c elr=a/all,b/all keep=4 wait');
});

test('a primary that may never have made its cut goes back with it', () => {
  const config = configOf({ sync: [a], elr: [{ rid: c, keepLsn: KEEP_ALL }], keepLsn: 6 });
  expect(promote(config, facts('c'))).toBe('p0 e4 v9 P=c S=c elr=a/6 wait');
  expect(promote(configOf({ sync: [a], elr: [{ rid: c, keepLsn: 9 }] }), facts('c'))).toMatch(/elr=a\/all keep=9/);
});

test('who can never come back is not kept eligible', () => {
  const gone = facts('b', { isReleased: true, isGoneForEver: ({ container }) => container === 'a' });
  expect(promote(configOf({ sync: [a, b] }), gone)).toBe('p0 e4 v9 P=b S=b');
});

test('lost when neither exists, once, and found when the primary is back', () => {
  const lost = decidePromotion(configOf({ sync: [a, b] }), facts(''));
  expect(lost).toMatchObject({ epoch: 3, version: 9, lost: true });
  if (lost === undefined) return;
  expect(decidePromotion(lost, facts(''))).toBeUndefined();
  expect(promote(lost, facts('a', { isPrimaryGone: false }))).toBe('p0 e3 v10 P=a S=a,b');
  expect(promote(lost, facts('b'))).toBe('p0 e4 v10 P=b S=b elr=a/all wait');
});

test('who was to leave or to join and is promoted does neither', () => {
  const config = configOf({ sync: [a, b], leaving: [b], elr: [] });
  expect(promote(config, facts('b'))).toBe('p0 e4 v9 P=b S=b elr=a/all wait');
  const joining = configOf({ sync: [a], elr: [{ rid: b, keepLsn: 2 }], joining: [b] });
  expect(promote(joining, facts('b'))).toBe('p0 e4 v9 P=b S=b elr=a/all keep=2 wait');
});
