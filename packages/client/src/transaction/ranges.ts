/** Reads of a whole map inside a transaction, in its one partition, with what the transaction itself has written. */
import type { ScanEntry } from '@ostraca/core';
import type { MapPlace } from '../routes.ts';
import { READ_PRESENCE } from './needs.ts';
import { keyId } from './read-set.ts';
import type { Transaction } from './transaction.ts';

export async function sizeOf(transaction: Transaction, place: MapPlace): Promise<number> {
  const { writes, reads } = transaction;
  transaction.partitionOf(place);
  const { map } = place;
  const written = [...writes.ofMap(map.id)].map(([, { key }]) => key);
  const isPresent = (key: Uint8Array): boolean => {
    const own = writes.find(map.id, keyId(key));
    return own !== undefined && own !== 'absent';
  };
  if (writes.isCleared(map.id)) return written.filter(isPresent).length;
  await reads.lockMap(place, 'shared');
  const isChecked = map.lockStrategy !== 'none';
  const [answer, before] = await Promise.all([
    transaction.send(map.id, { kind: 'size' }, isChecked),
    reads.read(place, written, READ_PRESENCE),
  ]);
  reads.noteRange(place, answer);
  return written.reduce((count, key, index) => {
    // Written meanwhile, or touched.
    const own = writes.find(map.id, keyId(key));
    if (own === undefined) return count;
    return count + (own === 'absent' ? 0 : 1) - (before[index]?.found === true ? 1 : 0);
  }, answer.count);
}

export interface Pages {
  readonly prefix: Uint8Array;
  readonly limit: number;
  readonly withoutValues: boolean;
}

/** Key and value, as stored: those that were there before it first, then those that the transaction has added. */
export async function* entriesOf(
  transaction: Transaction,
  place: MapPlace,
  pages: Pages,
): AsyncGenerator<readonly [key: Uint8Array, value: Uint8Array]> {
  const { writes } = transaction;
  const { map } = place;
  const given = new Set<string>();
  if (!writes.isCleared(map.id)) {
    for await (const { key, value } of scan(transaction, place, pages)) {
      const id = keyId(key);
      const own = writes.find(map.id, id);
      given.add(id);
      if (own !== 'absent') yield own === undefined ? [key, value] : [key, own.value];
    }
  }
  for (const [id, { key, value, kind }] of [...writes.ofMap(map.id)]) {
    if (given.has(id) || kind === 'delete' || kind === 'touch' || !startsWith(key, pages.prefix)) continue;
    yield [key, value];
  }
}

async function* scan(
  transaction: Transaction,
  place: MapPlace,
  { prefix, limit, withoutValues }: Pages,
): AsyncGenerator<ScanEntry> {
  const { map } = place;
  const { reads } = transaction;
  transaction.partitionOf(place);
  await reads.lockMap(place, 'shared');
  let afterHash = 0;
  let resumed = false;
  for (let done = false; !done; resumed = true) {
    const body = { kind: 'scan', resumed, afterHash, limit, prefix, withoutValues } as const;
    const answer = await transaction.send(map.id, body, map.lockStrategy !== 'none');
    reads.noteRange(place, answer);
    yield* answer.entries;
    afterHash = answer.lastHash;
    done = answer.done;
  }
}

function startsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  return prefix.every((byte, index) => key[index] === byte);
}
