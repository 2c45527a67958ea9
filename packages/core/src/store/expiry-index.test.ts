import fc from 'fast-check';
import { expect, test } from 'vitest';
import { asMapId, type MapId } from '../ids.ts';
import type { Entry } from './entry-map.ts';
import { EXPIRY_STEP_MS, ExpiryIndex } from './expiry-index.ts';

function entryOf(expireAtMs: number): Entry {
  return { hash: 0, key: Uint8Array.of(1), value: Uint8Array.of(2), epoch: 1, lsn: 1, ttlMs: 0, expireAtMs };
}

const step = fc.record({
  what: fc.constantFrom('add', 'add', 'add', 'remove', 'advance', 'clear', 'forget', 'due'),
  map: fc.nat(2),
  ms: fc.oneof(fc.nat(1_000), fc.nat(100_000), fc.nat(10_000_000)),
});

test('it knows what is due as a list would', () => {
  const run = (steps: readonly (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[]): void => {
    const index = new ExpiryIndex();
    let list: { map: MapId; entry: Entry }[] = [];
    let nowMs = 0;
    for (const { what, map: mapNumber, ms } of steps) {
      const map = asMapId(mapNumber);
      if (what === 'add') {
        const entry = entryOf(ms);
        index.add(map, entry);
        if (ms > 0) list.push({ map, entry });
      } else if (what === 'remove') {
        const [taken] = list.splice(ms % Math.max(1, list.length), 1);
        if (taken !== undefined) index.remove(taken.map, taken.entry);
      } else if (what === 'advance') {
        nowMs = Math.max(nowMs, nowMs + ms / 10);
        index.advanceTo(nowMs);
      } else if (what === 'clear' && ms % 3 === 0) {
        index.clear(map);
        list = list.filter((one) => one.map !== map);
      } else if (what === 'forget') {
        index.forgetTime();
        index.advanceTo(nowMs);
      }
      const seenMs = Math.floor(nowMs / EXPIRY_STEP_MS) * EXPIRY_STEP_MS;
      expect(index.seenMs).toBe(seenMs);
      expect(index.count).toBe(list.length);
      const due = list.filter(({ entry }) => entry.expireAtMs <= seenMs);
      for (const one of [0, 1, 2].map(asMapId)) {
        expect(index.dueCount(one)).toBe(due.filter((each) => each.map === one).length);
      }
      expect(index.hasDue).toBe(due.length > 0);
      const found = index.due(3);
      expect(found === undefined).toBe(due.length === 0);
      const ofMap = due.filter((each) => each.map === found?.map).map(({ entry }) => entry);
      expect(found?.entries.length ?? 0).toBe(Math.min(3, ofMap.length));
      for (const entry of found?.entries ?? []) expect(ofMap).toContain(entry);
    }
  };
  fc.assert(fc.property(fc.array(step, { maxLength: 120 }), run), { numRuns: 300 });
});

test('keys that are written again and again leave nothing behind', () => {
  const index = new ExpiryIndex();
  const map = asMapId(0);
  for (let round = 0; round < 50_000; round++) {
    const entry = entryOf(1_000_000 + round * 1_000);
    index.add(map, entry);
    index.remove(map, entry);
  }
  expect(index.count).toBe(0);
  index.advanceTo(1e9);
  expect(index.hasDue).toBe(false);
});
