/**
 * The catalog's data directory is destroyed while a grid works: containers tell the next catalog what they hold, and
 * everything goes on where it is. What cannot go on by itself waits for an operator's word.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '@ostraca/client';
import { afterEach, expect, test } from 'vitest';
import { GridProcesses, until } from './grid-processes.test-lib.ts';
import { Workload } from './workload.test-lib.ts';

const PARTITIONS = 13;
const NAMES = ['c1', 'c2', 'c3'] as const;
const EPOCH_STEP = 2 ** 20;

let processes: GridProcesses | undefined;

afterEach(async () => {
  await processes?.end();
  processes = undefined;
});

async function startGrid(): Promise<GridProcesses> {
  const grid = new GridProcesses({ numberOfPartitions: PARTITIONS, numInitialContainers: 3 });
  processes = grid;
  await grid.startCatalog();
  await Promise.all(NAMES.map((name) => grid.startContainer(name)));
  await grid.settled(2);
  return grid;
}

async function destroyCatalog(grid: GridProcesses): Promise<void> {
  if (grid.catalog !== undefined) await grid.kill(grid.catalog);
  rmSync(join(grid.folder, 'catalog'), { recursive: true });
}

test('a catalog whose data directory was deleted is told everything by the containers', async () => {
  const grid = await startGrid();
  const client = await connect({ catalogs: [grid.catalogUrl], grid: 'shop' });
  const workload = new Workload(client);
  workload.start(32);
  await until('some writes are acknowledged', 30_000, async () => workload.acknowledged > 500);
  const before = new Map((await grid.configs()).map((config) => [config.partition, config]));
  const { generation } = await grid.status();
  await destroyCatalog(grid);
  const acknowledged = workload.acknowledged;
  await until('writes go on without a catalog', 30_000, async () => workload.acknowledged > acknowledged + 100);
  await grid.startCatalog();
  await grid.settled(2);
  const writableMs = Math.round(await workload.untilWritable(PARTITIONS, 30_000));
  const after = await grid.configs();
  expect(after).toHaveLength(PARTITIONS);
  for (const config of after) {
    const earlier = before.get(config.partition);
    expect(config.epoch).toBeGreaterThanOrEqual((earlier?.epoch ?? 0) + EPOCH_STEP);
    expect(config.lineage, 'nothing is lost').toBe(earlier?.lineage);
  }
  expect(Number.parseInt((await grid.status()).generation, 10)).toBe(Number.parseInt(generation, 10) + 1);
  for (const { name, child } of grid.containers.values()) expect(child.exitCode, `${name} goes on`).toBeNull();
  await workload.stop();
  const verdict = await workload.judge();
  console.log(
    `rebuilt: ${JSON.stringify({ acknowledged: verdict.acknowledged, unknown: verdict.unknown, writableMs })}`,
  );
  expect(verdict.missing, 'acknowledged writes missing').toEqual([]);
  expect(verdict.present, 'rolled-back writes present').toEqual([]);
  expect(verdict.wrongCounters, 'counter steps lost or doubled').toEqual([]);
  const verified = await grid.ostraca('verify', 'shop');
  expect(verified.code, verified.stdout + verified.stderr).toBe(0);
  await client.close();
});

test('partitions of which a member is missing wait for an operator', async () => {
  const grid = await startGrid();
  const client = await connect({ catalogs: [grid.catalogUrl], grid: 'shop' });
  const orders = client.map<string, string>('orders');
  const keys = Array.from({ length: 200 }, (_, index) => `o-${index}`);
  await orders.setAll(keys.map((key) => [key, key]));
  await destroyCatalog(grid);
  const gone = grid.containers.get('c3');
  if (gone === undefined) throw new Error('c3 does not run');
  await grid.kill(gone);
  await grid.startCatalog();
  await until('it says for whom it waits', 30_000, async () => {
    return (await grid.status()).unplaceable.some(({ reason }) => reason.includes('wait for c3'));
  });
  expect((await grid.ostraca('show', 'placement', 'shop')).stdout).toContain('ostraca placement rebuild shop');
  const rebuilt = await grid.ostraca('placement', 'rebuild', 'shop');
  expect(rebuilt.code, rebuilt.stdout + rebuilt.stderr).toBe(0);
  expect(rebuilt.stdout).toContain('rebuilt');
  await grid.settled(2);
  const found = await orders.getAll(keys);
  expect(found.size).toBe(keys.length);
  await orders.setAll(keys.map((key) => [key, 'again']));
  const metrics = await (await fetch(`${grid.catalogUrl.replace('ws:', 'http:')}/metrics`)).text();
  expect(Number(/^ostraca_partitions_lost_total (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThan(0);
  expect((await grid.ostraca('verify', 'shop')).code).toBe(0);
  await client.close();
});
