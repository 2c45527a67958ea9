import { expect, test } from 'vitest';
import { newRandom } from '../random.ts';
import { HashIndex } from './hash-index.ts';
import { IndexPage } from './index-page.ts';

function pairsOf(index: HashIndex, afterHash?: number): [number, number][] {
  const pairs: [number, number][] = [];
  index.scan(afterHash, (hash, reference) => pairs.push([hash, reference]) > 0);
  return pairs;
}

function remove(index: HashIndex, hash: number, reference: number): boolean {
  const page = index.pageOf(hash);
  for (let place = page.seek(hash); page.isAt(place, hash); place++) {
    if (page.referenceAt(place) !== reference) continue;
    index.removeAt(page, place);
    return true;
  }
  return false;
}

/** I-ORDER. */
function isOrdered(page: IndexPage): boolean {
  for (let place = 0, last = -1; place < page.placeCount; place++) {
    if (page.referenceAt(place) === 0) continue;
    const hash = page.hashAt(place);
    if (hash < last || page.seek(hash) > place) return false;
    for (let before = page.seek(hash); before < place; before++) if (page.hashAt(before) !== hash) return false;
    last = hash;
  }
  return page.referenceAt(page.placeCount - 1) === 0;
}

test('pairs of a page are sorted, without a gap from home on, at any load', () => {
  const random = newRandom(3);
  for (const bits of [32, 12, 4]) {
    const page = new IndexPage(0);
    const hashes: number[] = [];
    for (let i = 0; i < 1_500; i++) {
      const hash = (Math.floor(random.unit() * 2 ** bits) * 2 ** (32 - bits)) >>> 0;
      if (page.isFull) page.grow();
      page.insert(hash, i + 1);
      hashes.push(hash);
      if (i % 3 === 2) {
        const [taken] = hashes.splice(random.below(hashes.length), 1);
        page.removeAt(page.seek(taken as number));
      }
      if (i % 100 === 0) expect(isOrdered(page)).toBe(true);
    }
    expect(isOrdered(page)).toBe(true);
    expect(page.count).toBe(hashes.length);
    for (const hash of hashes.sort((a, b) => b - a).slice(10)) page.removeAt(page.seek(hash));
    expect(isOrdered(page)).toBe(true);
    expect(page.capacity).toBeLessThan(200);
  }
});

test('it holds what a list holds, in its order, over growth and splits', () => {
  const random = newRandom(1);
  const index = new HashIndex();
  let list: [number, number][] = [];
  for (let i = 1; i <= 30_000; i++) {
    const hash = Math.floor(random.unit() * 2 ** 32);
    index.insert(hash, i);
    list.push([hash, i]);
  }
  const sorted = () => [...list].sort(([a, b], [c, d]) => a - c || b - d);
  expect(pairsOf(index)).toEqual(sorted());
  const [middle] = sorted()[15_000] as [number, number];
  expect(pairsOf(index, middle)).toEqual(sorted().slice(15_001));
  expect(pairsOf(index, 0xffff_ffff)).toEqual([]);
  list = list.filter(([hash, reference]) => reference % 50 === 0 || !remove(index, hash, reference));
  expect(index.count).toBe(600);
  expect(pairsOf(index)).toEqual(sorted());
  for (const [hash, reference] of list) expect(remove(index, hash, reference)).toBe(true);
  expect([index.count, pairsOf(index).length]).toEqual([0, 0]);
});

test('it costs about ten bytes for each entry, and no insertion touches more than a page', () => {
  const random = newRandom(2);
  const index = new HashIndex();
  let most = 0;
  for (let i = 1; i <= 200_000; i++) {
    const before = index.bytes;
    index.insert(random.below(2 ** 32), i);
    // The directory may double, and a page may be split or grow.
    most = Math.max(most, index.bytes - before);
    if (i >= 50_000 && i % 10_000 === 0) expect(index.bytes / i).toBeLessThan(12.2);
  }
  expect(most).toBeLessThan(20_000);
});

test('what comes in the order of the hashes is found as fast, and in pages as small, as what comes in any', () => {
  const random = newRandom(4);
  const index = new HashIndex();
  const hashes = Array.from({ length: 100_000 }, () => random.below(2 ** 32)).sort((a, b) => a - b);
  let largest = 0;
  for (const [i, hash] of hashes.entries()) {
    index.insert(hash, i + 1);
    largest = Math.max(largest, index.pageOf(hash).placeCount);
    if (i % 10_000 === 0) expect(isOrdered(index.pageOf(hash))).toBe(true);
  }
  // Three times what a page has that grew in another order.
  expect(largest).toBeLessThan(3 * 4_096);
  expect(index.bytes / hashes.length).toBeLessThan(12.5);
  expect(pairsOf(index).map(([hash]) => hash)).toEqual(hashes);
});

test('many of one hash stay together and can all be found', () => {
  const index = new HashIndex();
  for (let i = 1; i <= 6_000; i++) index.insert(0xffff_ffff, i);
  for (let i = 1; i <= 100; i++) index.insert(i, i);
  expect(pairsOf(index, 100).map(([, reference]) => reference)).toEqual(Array.from({ length: 6_000 }, (_, i) => i + 1));
  expect(remove(index, 0xffff_ffff, 3_000)).toBe(true);
  expect(index.count).toBe(6_099);
});
