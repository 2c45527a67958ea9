// Goal: a mark stays with its pair whatever moves; the hand passes everything and tells the cold from the warm.
import { expect, test } from 'vitest';
import { must } from '../assert.ts';
import { newRandom, type Random } from '../random.ts';
import { EntryMap, FOREVER } from './entry-map.ts';
import { EvictionHand } from './eviction-hand.ts';
import { HashIndex } from './hash-index.ts';
import { usageOf } from './usage.ts';

test('marks move with their pairs', () => {
  const random = newRandom(7);
  const index = new HashIndex(true);
  const marks = new Map<number, number>();
  for (let step = 1; step < 60_000; step++) {
    // Few prefixes: pages are split, grow and are built again.
    const hash = Math.imul(random.below(20_000), 0x9e3779b1) >>> random.below(2);
    const page = index.pageOf(hash);
    const place = page.seek(hash);
    const isThere = page.isAt(place, hash);
    expect(isThere).toBe(marks.has(hash | 0));
    if (!isThere) {
      index.insert(hash, step, step & 255);
      marks.set(hash | 0, step & 255);
    } else if (random.below(step > 40_000 ? 2 : 4) === 0) {
      index.removeAt(page, place);
      marks.delete(hash | 0);
    } else {
      page.setMark(place, random.below(256));
      marks.set(hash | 0, page.markAt(place));
    }
  }
  let count = 0;
  index.scan(undefined, (hash, _reference, page, place) => {
    expect(page.markAt(place)).toBe(marks.get(hash | 0));
    return ++count > 0;
  });
  expect(count).toBe(marks.size);
  expect(count).toBeGreaterThan(5_000);
});

test.each([1, 7, 64])('the hand passes every entry once a round, %i wanted at a time', (wanted) => {
  const index = new HashIndex(true);
  for (let reference = 1; reference <= 3_000; reference++) index.insert(Math.imul(reference, 0x9e3779b1), reference);
  const hand = new EvictionHand(usageOf('LRU', 1));
  const met = new Map<number, number>();
  for (let passed = 0; passed < 3_000; ) {
    for (const reference of hand.coldest(index, wanted)) {
      met.set(reference, (met.get(reference) ?? 0) + 1);
      passed++;
    }
  }
  expect(met.size).toBe(3_000);
  expect(Math.max(...met.values())).toBeLessThanOrEqual(2);
});

test('with fewer entries than it would look at, it looks at all of them', () => {
  const index = new HashIndex(true);
  for (let reference = 1; reference <= 5; reference++) index.insert(reference * 1_000_000_000, reference);
  const hand = new EvictionHand(usageOf('LRU', 1));
  for (let round = 0; round < 3; round++) {
    expect([...hand.coldest(index, 64)].sort()).toEqual([1, 2, 3, 4, 5]);
  }
});

const KEYS = 20_000;
const HELD = KEYS / 10;

test('near to an exact LRU; LFU better where few are used often', () => {
  const exact = exactLru();
  const lru = hitRatio(storeCache('LRU'));
  const lfu = hitRatio(storeCache('LFU'));
  const best = hitRatio({ get: () => true, put: () => {} });
  expect(best).toBe(1);
  expect(Math.abs(lru - hitRatio(exact))).toBeLessThan(0.01);
  expect(lfu).toBeGreaterThan(lru + 0.015);
});

interface Cache {
  get(key: number): boolean;
  put(key: number): void;
}

function exactLru(): Cache {
  const held = new Set<number>();
  return {
    get: (key) => held.delete(key) && held.add(key).size > 0,
    put: (key) => {
      held.add(key);
      if (held.size > HELD) held.delete(must(held.values().next().value, 'one'));
    },
  };
}

function storeCache(evict: 'LRU' | 'LFU'): Cache {
  const store = new EntryMap(3, { evict });
  const bytesOf = (key: number): Uint8Array => new Uint8Array([key, key >> 8, key >> 16]);
  return {
    get: (key) => store.find(bytesOf(key)) !== 0,
    put: (key) => {
      store.put({ key: bytesOf(key), value: new Uint8Array(20), epoch: 1, lsn: 1, ...FOREVER });
      if (store.count <= HELD) return;
      const going: Uint8Array[] = [];
      for (const reference of store.coldest(8)) if (going.length < 8) going.push(store.entry(reference).key);
      for (const one of going) store.delete(one);
    },
  };
}

/** Of the second half of 20 reads for each key, as zipf 0.99 has them. */
function hitRatio(cache: Cache): number {
  const random = newRandom(42);
  const draw = zipf(random);
  const reads = 20 * KEYS;
  let hits = 0;
  for (let read = 0; read < reads; read++) {
    const key = draw();
    const isHit = cache.get(key);
    if (!isHit) cache.put(key);
    if (isHit && read >= reads / 2) hits++;
  }
  return hits / (reads / 2);
}

function zipf(random: Random): () => number {
  const sums = new Float64Array(KEYS);
  let sum = 0;
  for (let rank = 0; rank < KEYS; rank++) {
    sum += (rank + 1) ** -0.99;
    sums[rank] = sum;
  }
  return () => {
    const sought = random.unit() * sum;
    let low = 0;
    let high = KEYS - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) < sought) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
