import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAP, stateOf } from '../container/words.test-lib.ts';
import { asMapId } from '../ids.ts';
import { EntryMap, FOREVER, type NewEntry } from '../store/entry-map.ts';
import { StateDigests, stateDigestOf } from './state-digest.ts';

const entryOf = (key: number, lsn: number, expireAtMs = 0): NewEntry => ({
  key: Uint8Array.of(key),
  value: Uint8Array.of(lsn % 256),
  epoch: 1,
  lsn,
  ...FOREVER,
  expireAtMs,
});

test('the digest is that of what is there, whatever was there before', () => {
  const steps = fc.array(fc.record({ key: fc.nat(20), removes: fc.boolean(), expireAtMs: fc.nat(3) }));
  fc.assert(
    fc.property(steps, (all) => {
      const lived = new EntryMap(7);
      const left = new Map<number, NewEntry>();
      all.forEach(({ key, removes, expireAtMs }, lsn) => {
        const entry = entryOf(key, lsn, expireAtMs);
        if (removes) lived.delete(entry.key);
        else lived.put(entry);
        if (removes) left.delete(key);
        else left.set(key, entry);
      });
      const made = new EntryMap(7);
      for (const entry of [...left.values()].reverse()) made.put(entry);
      expect(lived.digest).toBe(made.digest);
      lived.clear();
      expect(lived.digest).toBe(0);
    }),
  );
});

test('another version, another end, another map or an entry more make another digest', () => {
  const state = (...entries: NewEntry[]): number => {
    const map = new EntryMap(7);
    for (const entry of entries) map.put(entry);
    return stateDigestOf({ maps: new Map([[MAP, map]]) });
  };
  const other = new EntryMap(7);
  other.put(entryOf(1, 5));
  const digests = [
    state(),
    state(entryOf(1, 5)),
    state(entryOf(2, 5)),
    state(entryOf(1, 6)),
    state({ ...entryOf(1, 5), epoch: 2 }),
    state(entryOf(1, 5, 1_000)),
    state(entryOf(1, 5, 1_000 + 2 ** 32)),
    state(entryOf(1, 5), entryOf(2, 5)),
    stateDigestOf({ maps: new Map([[asMapId(1), other]]) }),
  ];
  expect(new Set(digests).size).toBe(digests.length);
  expect(state()).toBe(stateOf('').stateDigest);
  expect(
    stateDigestOf({
      maps: new Map([
        [MAP, new EntryMap(7)],
        [asMapId(1), new EntryMap(7)],
      ]),
    }),
  ).toBe(state());
});

test('a shard remembers the last few of its digests', () => {
  const digests = new StateDigests(10);
  expect(digests.lastLsn).toBe(0);
  for (let lsn = 10; lsn <= 200; lsn += 10) digests.note(lsn, lsn + 1);
  expect(digests.lastLsn).toBe(200);
  expect(digests.at(200)).toBe(201);
  expect(digests.at(130)).toBe(131);
  expect(digests.at(120)).toBeUndefined();
  expect(digests.at(210)).toBeUndefined();
  expect(digests.at(0)).toBeUndefined();
});
