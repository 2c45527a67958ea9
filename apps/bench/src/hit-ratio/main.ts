/**
 * `npm run bench:hits [keys] [seconds]`: which part of the reads is answered by a cache that holds a tenth of the keys, drawn
 * by zipf 0.99. All caches get the same reads, each puts what it had not, and the second half counts. RESP servers tell
 * only one second from another, so their reads are spread over some seconds.
 */
import { newRandom } from '@ostraca/core';
import { Redis } from 'ioredis';
import { Children } from '../children.ts';
import { keyOf } from '../driver/key-sequence.ts';
import { newZipf } from '../driver/zipf.ts';
import { findRespServer, startResp } from '../systems/resp-system.ts';
import { type Cache, exactLru, mostReadOnly, respServer, store, VALUE } from './caches.ts';

const READS_PER_KEY = 4;
const READS_AT_ONCE = 50;
const POLICIES = ['allkeys-lru', 'allkeys-lfu'] as const;

const [keys = 500_000, seconds = 40] = process.argv.slice(2).map(Number);
const entries = Math.floor(keys / 10);
const reads = keys * READS_PER_KEY;

const children = new Children();
process.once('exit', () => children.killAll());
const program = findRespServer();
let held = entries;
if (program === undefined) print('no RESP server is installed here: compared without one');
else held = await measureServer(program);
print(`with room for ${held.toLocaleString('en')} entries:`);
await measure('exact LRU', exactLru(held), 0);
await measure('store, LRU', store('LRU', held), 0);
await measure('store, LFU', store('LFU', held), 0);
await measure('the keys that are read most', mostReadOnly(held), 0);

/** @returns how many entries it holds: others get as many. */
async function measureServer(program: string): Promise<number> {
  let count = 0;
  for (const policy of POLICIES) {
    const system = await startResp(children, program, 0);
    const [contender] = system.endpoints();
    if (contender?.endpoint.kind !== 'resp') throw new Error('a RESP server has such an endpoint');
    const redis = new Redis(contender.endpoint.url);
    count = await limit(redis, policy);
    await measure(`${system.name}, ${policy}`, respServer(redis), seconds);
    const left = await redis.dbsize();
    print(`  held ${count.toLocaleString('en')} entries at first, ${left.toLocaleString('en')} at the end`);
    count = Math.round((count + left) / 2);
    redis.disconnect();
    await system.end();
  }
  return count;
}

/** To what it takes with so many entries. */
async function limit(redis: Redis, policy: string): Promise<number> {
  for (let from = 0; from < entries; from += 1_000) {
    const some = Array.from({ length: Math.min(1_000, entries - from) }, (_, index) => keyOf(keys + from + index));
    await redis.mset(some.flatMap((key) => [key, Buffer.from(VALUE)]));
  }
  const [, used = '0'] = /used_memory:(\d+)/.exec(await redis.info('memory')) ?? [];
  await redis.config('SET', 'maxmemory-policy', policy);
  await redis.config('SET', 'maxmemory', used);
  return redis.dbsize();
}

async function measure(name: string, cache: Cache, overSeconds: number): Promise<void> {
  const draw = newZipf(keys, newRandom(1));
  const startMs = performance.now();
  let hits = 0;
  for (let done = 0; done < reads; done += READS_AT_ONCE) {
    const found = await cache.read(Array.from({ length: READS_AT_ONCE }, draw));
    if (done >= reads / 2) hits += found;
    const aheadMs = startMs + (done / reads) * overSeconds * 1_000 - performance.now();
    if (aheadMs > 5) await new Promise((resolve) => setTimeout(resolve, aheadMs));
  }
  const ratio = (hits / (reads / 2)) * 100;
  print(`${name.padEnd(32)} ${ratio.toFixed(2)} %`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
