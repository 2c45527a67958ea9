import { expect, test } from 'vitest';
import { newRandom } from '../random.ts';
import { UTILISATION } from './cleaner.ts';
import { EntryMap, FOREVER } from './entry-map.ts';

const key = new Uint8Array(8);
/** So small that garbage is not let alone for being less than a segment. */
const SMALL = { segmentSizes: { bytesMin: 4_096, bytesMax: 32_768 } };

function put(entries: EntryMap, number: number, lsn: number): void {
  new DataView(key.buffer).setUint32(0, number);
  entries.put({ key, value: new Uint8Array(100).fill(lsn & 0xff), epoch: 1, lsn, ...FOREVER });
}

test('steady updates keep the segments full, at the cost that theory gives', () => {
  const entries = new EntryMap(1, SMALL);
  const random = newRandom(1);
  const count = 20_000;
  for (let number = 0; number < count; number++) put(entries, number, 0);
  for (let lsn = 1; lsn <= 5 * count; lsn++) put(entries, random.below(count), lsn);
  const before = entries.memory;
  let lowest = 1;
  for (let lsn = 1; lsn <= 5 * count; lsn++) {
    put(entries, random.below(count), lsn);
    if (lsn % 100 === 0) lowest = Math.min(lowest, entries.memory.utilisation);
  }
  const after = entries.memory;
  // One segment that is being cleaned, and one that was just filled, of some sixty.
  expect(lowest).toBeGreaterThan(UTILISATION - 0.04);
  const written = after.writtenBytes - before.writtenBytes;
  const amplification = written / (written - (after.relocatedBytes - before.relocatedBytes));
  expect(amplification).toBeGreaterThan(2);
  expect(amplification).toBeLessThan(4.2);
});

test('what is only written, or written in turns, is not moved', () => {
  const entries = new EntryMap(1);
  for (let round = 0; round < 10; round++) for (let number = 0; number < 2_000; number++) put(entries, number, round);
  const { relocatedBytes, writtenBytes, utilisation } = entries.memory;
  expect(relocatedBytes / writtenBytes).toBeLessThan(0.3);
  expect(utilisation).toBeGreaterThan(0.8);
});

test('deletions alone give the memory back', () => {
  const entries = new EntryMap(1, SMALL);
  const count = 20_000;
  for (let number = 0; number < count; number++) put(entries, number, 0);
  const before = entries.memory.allocatedBytes;
  for (let number = 0; number < count; number++) {
    new DataView(key.buffer).setUint32(0, number);
    if (number % 10 !== 0) entries.delete(key);
  }
  expect(entries.count).toBe(count / 10);
  expect(entries.memory.allocatedBytes).toBeLessThan(before * 0.16);
});

test('no write cleans more than its bound', () => {
  const entries = new EntryMap(1);
  const random = newRandom(1);
  for (let number = 0; number < 5_000; number++) put(entries, number, 0);
  let most = 0;
  for (let lsn = 1; lsn <= 50_000; lsn++) {
    const before = entries.memory.relocatedBytes;
    put(entries, random.below(5_000), lsn);
    most = Math.max(most, entries.memory.relocatedBytes - before);
  }
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThan(6_000);
});

test('as much garbage as live data is let alone while it is less than a segment', () => {
  const entries = new EntryMap(1);
  const random = newRandom(1);
  for (let number = 0; number < 2_000; number++) put(entries, number, 0);
  for (let lsn = 1; lsn <= 50_000; lsn++) put(entries, random.below(2_000), lsn);
  const { relocatedBytes, writtenBytes, garbageBytes, liveBytes } = entries.memory;
  expect(relocatedBytes / writtenBytes).toBeLessThan(0.5);
  expect(garbageBytes).toBeLessThan(1.3 * liveBytes);
});
