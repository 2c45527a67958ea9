/** What callers do who want to know what there is: sizes, pages of a scan, keys that begin alike. */
import type { ClientAnswer, RequestBody } from '@ostraca/client';
import { encodeKey, GridError, NO_BYTES, type PartitionId, type Random, type ScanAnswer } from '@ostraca/core';
import type { Observation } from '../checkers/history.ts';
import type { Place } from './places.ts';
import { pick } from './scenario.ts';

const PAGE_ENTRIES = 3;
const PAGES_MAX = 20;
const text = new TextDecoder();

export interface LookAround {
  readonly random: Random;
  readonly partition: PartitionId;
  /** Of the map that is looked at. */
  readonly places: readonly Place[];
  readonly nowMs: () => number;
  readonly ask: (partition: PartitionId, body: RequestBody, done: (result: ClientAnswer | GridError) => void) => void;
  readonly saw: (place: Place, seen: Observation, invokedMs: number) => void;
  readonly then: () => void;
}

export function lookAround(look: LookAround): void {
  const draw = look.random.below(3);
  if (draw === 0) look.ask(look.partition, { kind: 'size' }, () => look.then());
  else if (draw === 1) readPage(look, undefined, 1);
  else scanPrefix(look);
}

/** Each page is a state of its own, so it says something of those keys only that are on it. */
function readPage(look: LookAround, afterHash: number | undefined, page: number): void {
  const resumed = afterHash !== undefined;
  const invokedMs = look.nowMs();
  scan(look, { resumed, afterHash: afterHash ?? 0, limit: PAGE_ENTRIES, prefix: NO_BYTES }, (answer) => {
    if (answer === undefined) return look.then();
    const found = foundIn(answer);
    for (const place of look.places) {
      const seen = found.get(text.decode(place.bytes));
      if (seen !== undefined && place.partition === look.partition) look.saw(place, seen, invokedMs);
    }
    if (answer.done || page >= PAGES_MAX) look.then();
    else readPage(look, answer.lastHash, page + 1);
  });
}

/** In one answer: of the keys that begin so, what it does not list is not there. */
function scanPrefix(look: LookAround): void {
  const beginning = pick(look.random, ['r', 'r1']);
  // Without what ends a string.
  const prefix = commonPrefix(encodeKey(beginning), encodeKey(`${beginning}x`));
  const invokedMs = look.nowMs();
  scan(look, { resumed: false, afterHash: 0, limit: 1_000, prefix }, (answer) => {
    if (answer?.done !== true) return look.then();
    const found = foundIn(answer);
    for (const place of look.places) {
      if (place.partition !== look.partition || commonPrefix(place.bytes, prefix).length < prefix.length) continue;
      look.saw(place, found.get(text.decode(place.bytes)) ?? { kind: 'absent' }, invokedMs);
    }
    look.then();
  });
}

type ScanFields = Pick<Extract<RequestBody, { kind: 'scan' }>, 'resumed' | 'afterHash' | 'limit' | 'prefix'>;

function scan(
  { ask, partition }: LookAround,
  fields: ScanFields,
  done: (answer: ScanAnswer | undefined) => void,
): void {
  ask(partition, { kind: 'scan', ...fields, withoutValues: false }, (answer) => {
    done(answer instanceof GridError || answer.type !== 'scanAnswer' ? undefined : answer);
  });
}

function foundIn({ entries }: ScanAnswer): Map<string, Observation> {
  return new Map(
    entries.map(({ key, value, epoch, lsn }) => [
      text.decode(key),
      { kind: 'entry', value: text.decode(value), version: { epoch, lsn } },
    ]),
  );
}

function commonPrefix(a: Uint8Array, b: Uint8Array): Uint8Array {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length += 1;
  return a.slice(0, length);
}
