import fc from 'fast-check';
import { expect, test } from 'vitest';
import { asMapId, type MapId } from '../ids.ts';
import { EXPIRY_STEP_MS, ExpiryIndex } from './expiry-index.ts';

interface Listed {
  readonly map: MapId;
  readonly hash: number;
  readonly expireAtMs: number;
}

const step = fc.record({
  what: fc.constantFrom('add', 'add', 'add', 'remove', 'renew', 'advance', 'clear', 'forget', 'due'),
  map: fc.nat(2),
  ms: fc.oneof(fc.nat(1_000), fc.nat(100_000), fc.nat(10_000_000)),
});

test('it knows what is due as a list would', () => {
  const run = (steps: readonly (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[]): void => {
    const index = new ExpiryIndex();
    let list: Listed[] = [];
    let nowMs = 0;
    let hash = 0;
    for (const { what, map: mapNumber, ms } of steps) {
      const map = asMapId(mapNumber);
      const at = ms % Math.max(1, list.length);
      if (what === 'add') {
        // Some hashes twice, also in one set, and some with the highest bit.
        hash = (hash + (ms % 3) * 0x5555_5555) >>> 0;
        index.endsOf(map).move(hash, 0, ms);
        if (ms > 0) list.push({ map, hash, expireAtMs: ms });
      } else if (what === 'remove') {
        const [taken] = list.splice(at, 1);
        if (taken !== undefined) index.endsOf(taken.map).move(taken.hash, taken.expireAtMs, 0);
      } else if (what === 'renew') {
        const [taken] = list.splice(at, 1);
        if (taken !== undefined) index.endsOf(taken.map).move(taken.hash, taken.expireAtMs, ms + 1);
        if (taken !== undefined) list.push({ ...taken, expireAtMs: ms + 1 });
      } else if (what === 'advance') {
        nowMs = Math.max(nowMs, nowMs + ms / 10);
        index.advanceTo(nowMs);
      } else if (what === 'clear' && ms % 3 === 0) {
        index.endsOf(map).clear();
        list = list.filter((one) => one.map !== map);
      } else if (what === 'forget') {
        index.forgetTime();
        index.advanceTo(nowMs);
      }
      const seenMs = Math.floor(nowMs / EXPIRY_STEP_MS) * EXPIRY_STEP_MS;
      expect(index.seenMs).toBe(seenMs);
      expect(index.count).toBe(list.length);
      const due = list.filter(({ expireAtMs }) => expireAtMs <= seenMs);
      for (const one of [0, 1, 2].map(asMapId)) {
        expect(index.dueCount(one)).toBe(due.filter((each) => each.map === one).length);
      }
      expect(index.hasDue).toBe(due.length > 0);
      const found = index.due(3);
      expect(found === undefined).toBe(due.length === 0);
      const hashes = new Set(due.filter((each) => each.map === found?.map).map((each) => each.hash));
      expect(found?.hashes.size ?? 0).toBe(Math.min(3, hashes.size));
      for (const one of found?.hashes ?? []) expect(hashes).toContain(one);
      const firstMs = Math.min(...due.map(({ expireAtMs }) => expireAtMs));
      if (what === 'advance' && due.length === 1) expect(found?.map).toBe(due[0]?.map);
      expect(index.isDue({ expireAtMs: firstMs })).toBe(due.length > 0);
    }
  };
  fc.assert(fc.property(fc.array(step, { maxLength: 120 }), run), { numRuns: 300 });
});

test('keys that are written again and again leave nothing behind', () => {
  const index = new ExpiryIndex();
  const map = asMapId(0);
  for (let round = 0; round < 50_000; round++) {
    index.endsOf(map).move(round, 0, 1_000_000 + round * 1_000);
    index.endsOf(map).move(round, 1_000_000 + round * 1_000, 0);
  }
  expect(index.count).toBe(0);
  index.advanceTo(1e9);
  expect(index.hasDue).toBe(false);
});

test('many that end at once, and what becomes due beside them', () => {
  const index = new ExpiryIndex();
  const [one, other] = [asMapId(1), asMapId(2)];
  for (let hash = 0; hash < 100_000; hash++) index.endsOf(one).move(Math.imul(hash, 0x9e3779b1), 0, 5_000);
  index.endsOf(other).move(7, 0, 5_050);
  index.advanceTo(4_999);
  expect(index.hasDue).toBe(false);
  index.advanceTo(5_100);
  expect(index.dueCount(one)).toBe(100_000);
  expect(index.dueCount(other)).toBe(1);
  let count = 0;
  for (let due = index.due(1_000); due?.map === one; due = index.due(1_000)) {
    for (const hash of due.hashes) index.endsOf(one).move(hash, 5_000, 0);
    count += due.hashes.size;
  }
  expect(count).toBe(100_000);
  expect(index.due(1_000)?.hashes).toEqual(new Set([7]));
  expect(index.count).toBe(1);
});
