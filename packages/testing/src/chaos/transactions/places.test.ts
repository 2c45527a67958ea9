// Goal: all processes append to the same lists at a time, each in its partition, and none grows without end.
import { encodeKey, partitionOf } from '@ostraca/core';
import { expect, test } from 'vitest';
import { LIST_VALUES_MAX, LISTS, ListPlaces, LOCKED_LISTS, SEATS } from './places.ts';

const PARTITIONS = 7;

test('two processes have the same places', () => {
  const one = new ListPlaces(PARTITIONS, () => 5_000);
  const other = new ListPlaces(PARTITIONS, () => 5_900);
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (let seat = 0; seat < SEATS; seat++) {
      const place = one.place(LISTS, partition, seat);
      expect(place).toEqual(other.place(LISTS, partition, seat));
      expect(partitionOf(encodeKey(place.key), PARTITIONS, [])).toBe(partition);
      expect(place.key.startsWith(one.prefix())).toBe(true);
    }
  }
});

test('a full list is followed by a new one, on its seat alone', () => {
  const places = new ListPlaces(PARTITIONS, () => 0);
  const [full, beside] = [places.place(LISTS, 3, 1), places.place(LISTS, 3, 2)];
  places.noteLength(full, LIST_VALUES_MAX - 1, 3);
  expect(places.place(LISTS, 3, 1)).toEqual(full);
  places.noteLength(full, LIST_VALUES_MAX, 3);
  const next = places.place(LISTS, 3, 1);
  expect(next).not.toEqual(full);
  // Somebody else still reads the old one.
  places.noteLength(full, LIST_VALUES_MAX + 1, 3);
  expect(places.place(LISTS, 3, 1)).toEqual(next);
  expect(places.place(LISTS, 3, 2)).toEqual(beside);
});

test('maps do not share lists, and neither do times', () => {
  let nowMs = 0;
  const places = new ListPlaces(PARTITIONS, () => nowMs);
  const before = places.place(LISTS, 0, 0);
  expect(places.place(LOCKED_LISTS, 0, 0).name).not.toBe(before.name);
  nowMs = 60_000;
  expect(places.place(LISTS, 0, 0).key).not.toBe(before.key);
});
