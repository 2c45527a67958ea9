/** Time to live over the death of a primary: nothing goes before its time, nothing comes back, everything goes. */
import { connect, type GridMap } from '@ostraca/client';
import { afterEach, expect, test } from 'vitest';
import { GridProcesses, pause } from './grid-processes.test-lib.ts';

const TTL_MS = 6_000;
const KEYS = Array.from({ length: 200 }, (_, index) => `k${index}`);

let processes: GridProcesses | undefined;

afterEach(async () => {
  await processes?.end();
  processes = undefined;
});

test('entries with a time to live end, once, over a fail-over', async () => {
  const grid = new GridProcesses({ numberOfPartitions: 5, numInitialContainers: 3, maxSyncReplicas: 2 });
  processes = grid;
  await grid.startCatalog();
  await Promise.all(['c1', 'c2', 'c3'].map((name) => grid.startContainer(name)));
  await grid.settled(3);
  const client = await connect({ catalogs: [grid.catalogUrl], grid: 'shop' });
  const orders = client.map<string, number>('orders');
  await orders.set('stays', 1);
  const writtenMs = performance.now();
  await Promise.all(KEYS.map((key, index) => orders.set(key, index, { ttlMs: TTL_MS })));
  const entry = await orders.getEntry('k0');
  expect(Math.abs((entry?.expiresAt ?? 0) - Date.now() - TTL_MS)).toBeLessThan(TTL_MS / 2);
  expect(await orders.touch('k0')).toBe(true);
  expect((await orders.getEntry('k0'))?.version).toBe(entry?.version);

  const [config] = await grid.configs();
  const primary = grid.containers.get(config?.primary.container ?? '');
  if (primary === undefined) throw new Error('the primary runs');
  await grid.kill(primary);
  await watch(orders, writtenMs);

  expect(await orders.size()).toBe(1);
  expect(await orders.get('stays')).toBe(1);
  await orders.insert('k1', 1);
  expect((await grid.ostraca('verify', 'shop')).code).toBe(0);
  await client.close();
});

/** Until all are gone; a fail-over may take a second of their time, and may give them some. */
async function watch(orders: GridMap<string, number>, writtenMs: number): Promise<void> {
  const gone = new Set<string>();
  const deadlineMs = performance.now() + 60_000;
  while (gone.size < KEYS.length) {
    if (performance.now() > deadlineMs) throw new Error(`${KEYS.length - gone.size} entries are still there`);
    const found = await orders.getAll(KEYS);
    const readMs = performance.now();
    for (const key of KEYS) {
      if (found.has(key)) expect(gone.has(key), `${key} came back`).toBe(false);
      else gone.add(key);
    }
    if (gone.size > 0) expect(readMs - writtenMs).toBeGreaterThan(TTL_MS * 0.97 - 1_100);
    await pause(20);
  }
}
