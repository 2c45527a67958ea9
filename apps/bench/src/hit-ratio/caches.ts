/** What is compared: a store of ours that evicts, an exact LRU, the best that any cache could hold, and a RESP server. */
import { EntryMap, FOREVER, must } from '@ostraca/core';
import type { Redis } from 'ioredis';
import { keyOf } from '../driver/key-sequence.ts';

/** Read through: what is not there is put. */
export interface Cache {
  /** @returns how many of these keys were there, one after the other. */
  read(keys: readonly number[]): Promise<number>;
}

export const VALUE = new Uint8Array(100).fill(120);

export function exactLru(entries: number): Cache {
  const held = new Set<number>();
  return each((key) => {
    if (held.delete(key)) {
      held.add(key);
      return true;
    }
    held.add(key);
    if (held.size > entries) held.delete(must(held.values().next().value, 'the oldest'));
    return false;
  });
}

/** Keys are numbered by how often they are read. */
export function mostReadOnly(entries: number): Cache {
  return each((key) => key < entries);
}

/** As a primary does it, without its log: entries go before one comes in. */
export function store(evict: 'LRU' | 'LFU', entries: number): Cache {
  const map = new EntryMap(1, { evict });
  const going: Uint8Array[] = [];
  return each((key) => {
    const bytes = keyBytes(key);
    if (map.find(bytes) !== 0) return true;
    if (map.count >= entries) {
      for (const reference of map.coldest(ENTRIES_AT_ONCE)) {
        if (going.length === ENTRIES_AT_ONCE) break;
        going.push(map.entry(reference).key);
      }
      for (const one of going.splice(0)) map.delete(one);
    }
    map.put({ key: bytes, value: VALUE, epoch: 1, lsn: 1, ...FOREVER });
    return false;
  });
}

const ENTRIES_AT_ONCE = 32;

/** In a script, so that many reads cost one message, and each sees what the one before it put. */
const SCRIPT = `
local hits = 0
for _, key in ipairs(ARGV) do
  if redis.call('GET', key) then hits = hits + 1 else redis.call('SET', key, KEYS[1]) end
end
return hits`;

export function respServer(redis: Redis): Cache {
  const value = Buffer.from(VALUE).toString();
  return { read: async (keys) => Number(await redis.eval(SCRIPT, 1, value, ...keys.map(keyOf))) };
}

function each(isHit: (key: number) => boolean): Cache {
  return {
    read: async (keys) => {
      let hits = 0;
      for (const key of keys) if (isHit(key)) hits++;
      return hits;
    },
  };
}

function keyBytes(key: number): Uint8Array {
  return Buffer.from(keyOf(key));
}
