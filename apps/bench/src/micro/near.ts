/** Near caches: what a hit costs, with its promise and the two clocks that it looks at. */
import { uptime } from 'node:os';
import { type ClientHost, type GridMap, newClientMachine, newGrid, newValues, StatusStream } from '@ostraca/client';
import {
  asConnectionId,
  asMapId,
  asPartitionId,
  type Effects,
  type NearChanges,
  newRandom,
  type Routing,
} from '@ostraca/core';
import { keyOf } from '../driver/key-sequence.ts';
import { eachOf } from './keys.ts';

const KEYS = 1_024;
const MANY_KEYS = 100_000;
const URL = 'ws://a:1';
const CONNECTION = asConnectionId(1);
const [P, MAP] = [asPartitionId(0), asMapId(0)];
const NEAR_CACHE = { maxBytes: 1024 * 1024 * 1024, maxStale: 3_600_000 };

export function nearBenchmarks(): void {
  const text = (index: number): unknown => `${'v'.repeat(90)}${index}`;
  const plain = newFilled(KEYS, text);
  const keys = Array.from({ length: KEYS }, (_, index) => keyOf(index));
  eachOf('get, text of 100', keys, (key) => plain.get(key));
  eachOf('has', keys, (key) => plain.has(key));
  const objects = newFilled(KEYS, (index) => ({ id: index, name: 'a name', tags: ['a', 'b'] }));
  eachOf('get, object of three fields', keys, (key) => objects.get(key));
  const many = newFilled(MANY_KEYS, text);
  // Far from each other in memory: what the processor's caches do not hold costs more than all the rest.
  const scattered = Array.from({ length: MANY_KEYS }, (_, index) => keyOf((index * 7_919) % MANY_KEYS));
  eachOf('get, text of 100, one of 100,000', scattered, (key) => many.get(key));
  const map = new Map(Array.from({ length: MANY_KEYS }, (_, index) => [keyOf(index), { value: text(index) }]));
  eachOf('Map.get and a promise, one of 100,000', scattered, (key) => Promise.resolve(map.get(key)?.value));
}

/** A client without a network, that has read all of its keys from a primary which vouches for them. */
function newFilled(count: number, valueAt: (index: number) => unknown): GridMap<string, unknown> {
  const effects: Effects = { dial: () => CONNECTION, send: () => {}, hangUp: () => {}, note: () => {} };
  const machine = newClientMachine({
    ...{ endpoints: [URL], grid: 'shop', clientId: 'c', random: newRandom(1), effects },
    settings: { connectTimeoutMs: 1_000, maxPendingBytes: 1_000, onUnavailable: 'wait' },
    clocks: { wallMs: () => Date.now(), bootMs: () => uptime() * 1_000 },
  });
  const nowMs = (): number => performance.now();
  const host: ClientHost = { machine, nowMs, turn: (act) => act(nowMs()), close: async () => {} };
  machine.start(nowMs(), () => {});
  machine.onOpen(CONNECTION, { role: 'container', name: 'a', incarnation: 'a' }, nowMs());
  machine.onMessage(CONNECTION, ROUTING, nowMs());
  const cache = machine.near.of('orders', { maxBytes: NEAR_CACHE.maxBytes, maxStaleMs: NEAR_CACHE.maxStale });
  const values = newValues<unknown>();
  for (let index = 0; index < count; index++) {
    const fill = cache?.begin(keyOf(index), { partition: P, map: MAP }, nowMs());
    if (index === 0) machine.onMessage(CONNECTION, { ...WORD, sentMs: nowMs() }, nowMs());
    const value = valueAt(index);
    const encoded = values.encode(value) as Uint8Array;
    const content = typeof value === 'string' ? value : encoded;
    const entry = { found: true, value: encoded, epoch: 1, lsn: 1, expireAtMs: 0 };
    if (fill !== undefined) cache?.end(fill, { entry, lsn: 1, content, contentBytes: encoded.length });
  }
  const grid = newGrid({ name: 'shop', host, operationTimeoutMs: 1_000, status: new StatusStream() });
  return grid.map<string, unknown>('orders', { nearCache: NEAR_CACHE });
}

const ROUTING: Routing = {
  ...{ type: 'routing', grid: 'shop', generation: '1-x', addresses: [URL] },
  mapSets: [
    {
      ...{ name: 's', firstPartition: 0, numberOfPartitions: 1, partitionBy: [], unplaceable: '' },
      maps: [{ id: MAP, name: 'orders', lockStrategy: 'optimistic' }],
    },
  ],
  routes: [{ partition: P, epoch: 1, version: 1, primary: 'a', address: URL, lineage: 'l', replicas: [] }],
};

const WORD: NearChanges = {
  ...{ type: 'nearChanges', partition: P, epoch: 1, map: MAP, fromLsn: 1, toLsn: 1, allKeys: false },
  ...{ keys: [], clockMs: 0, fresh: true, sentMs: 0 },
};
