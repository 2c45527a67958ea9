/**
 * The promise, on real processes: whatever single process dies or stops, no acknowledged write is missing, no
 * rolled-back write is there, no counter step is lost or doubled, and every partition soon takes writes again.
 */
import { connect } from '@ostraca/client';
import { afterEach, expect, test } from 'vitest';
import { GridProcesses, pause } from './grid-processes.test-lib.ts';
import { type Verdict, Workload } from './workload.test-lib.ts';

const PARTITIONS = 13;
const WRITERS = 64;
const NAMES = ['c1', 'c2', 'c3'] as const;
/** From a kill until every partition takes writes again. */
const WRITABLE_MS_MAX = 5_000;

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

function expectKept(verdict: Verdict): void {
  expect(verdict.missing, 'acknowledged writes missing').toEqual([]);
  expect(verdict.present, 'rolled-back writes present').toEqual([]);
  expect(verdict.wrongCounters, 'counter steps lost or doubled').toEqual([]);
}

function print(title: string, verdict: Verdict, figures: Record<string, unknown>): void {
  const { missing, present, wrongCounters, ...counts } = verdict;
  const wrong = { missing: missing.length, present: present.length, wrongCounters: wrongCounters.length };
  console.log(`${title}: ${JSON.stringify({ ...counts, ...wrong, ...figures })}`);
}

test('ten kills, each container in turn, restarted after each', async () => {
  const grid = await startGrid();
  const client = await connect({ catalogs: [grid.catalogUrl], grid: 'shop' });
  const workload = new Workload(client);
  const writableMs: number[] = [];
  workload.start(WRITERS);
  for (let kill = 0; kill < 10; kill++) {
    const name = NAMES[kill % NAMES.length] as string;
    const container = grid.containers.get(name);
    if (container === undefined) throw new Error(`${name} does not run`);
    await grid.kill(container);
    writableMs.push(Math.round(await workload.untilWritable(PARTITIONS, 30_000)));
    await grid.startContainer(name);
    await grid.settled(2);
  }
  await workload.stop();
  const verdict = await workload.judge();
  print('ten kills', verdict, { writableMs, worstMs: Math.max(...writableMs) });
  expectKept(verdict);
  expect(verdict.acknowledged).toBeGreaterThan(1_000);
  expect(Math.max(...writableMs)).toBeLessThan(WRITABLE_MS_MAX);
  const verified = await grid.ostraca('verify', 'shop');
  expect(verified.code, verified.stdout + verified.stderr).toBe(0);
  await client.close();
});

test('kills, with the catalog killed and restarted from its journal between them', async () => {
  const grid = await startGrid();
  const client = await connect({ catalogs: [grid.catalogUrl], grid: 'shop' });
  const workload = new Workload(client);
  const writableMs: number[] = [];
  const pids = new Map([...grid.containers.values()].map(({ name, pid }) => [name, pid]));
  workload.start(WRITERS);
  for (let kill = 0; kill < 3; kill++) {
    const before = new Map((await grid.configs()).map(({ partition, epoch }) => [partition, epoch]));
    if (grid.catalog !== undefined) await grid.kill(grid.catalog);
    const acknowledged = workload.acknowledged;
    await pause(1_000);
    expect(workload.acknowledged, 'writes go on without a catalog').toBeGreaterThan(acknowledged);
    await grid.startCatalog();
    await grid.settled(2);
    for (const { partition, epoch } of await grid.configs()) {
      expect(epoch, 'a restart of the catalog changes no epoch').toBe(before.get(partition));
    }
    for (const { name, pid, child } of grid.containers.values()) {
      expect([child.exitCode, pid], 'no container restarted').toEqual([null, pids.get(name)]);
    }
    const name = NAMES[kill % NAMES.length] as string;
    const container = grid.containers.get(name);
    if (container === undefined) throw new Error(`${name} does not run`);
    await grid.kill(container);
    writableMs.push(Math.round(await workload.untilWritable(PARTITIONS, 30_000)));
    pids.set(name, (await grid.startContainer(name)).pid);
    await grid.settled(2);
  }
  await workload.stop();
  const verdict = await workload.judge();
  print('catalog restarts', verdict, { writableMs });
  expectKept(verdict);
  expect(Math.max(...writableMs)).toBeLessThan(WRITABLE_MS_MAX);
  expect((await grid.ostraca('verify', 'shop')).code).toBe(0);
  await client.close();
});

test('a container stopped for ten seconds wakes as nothing it was', async () => {
  const grid = await startGrid();
  const client = await connect({ catalogs: [grid.catalogUrl], grid: 'shop' });
  const workload = new Workload(client);
  workload.start(WRITERS);
  await pause(1_000);
  const stopped = grid.containers.get('c2');
  if (stopped === undefined) throw new Error('c2 does not run');
  stopped.child.kill('SIGSTOP');
  const writableMs = Math.round(await workload.untilWritable(PARTITIONS, 30_000));
  await pause(10_000 - writableMs);
  stopped.child.kill('SIGCONT');
  await grid.settled(2);
  await pause(1_000);
  await workload.stop();
  const verdict = await workload.judge();
  print('stopped for ten seconds', verdict, { writableMs });
  expectKept(verdict);
  expect(writableMs).toBeLessThan(WRITABLE_MS_MAX);
  expect(stopped.child.exitCode, 'it goes on').toBeNull();
  const verified = await grid.ostraca('verify', 'shop');
  expect(verified.code, verified.stdout + verified.stderr).toBe(0);
  await client.close();
});

test('a fourth container joins under load and gets its share', async () => {
  const grid = await startGrid();
  const client = await connect({ catalogs: [grid.catalogUrl], grid: 'shop' });
  const workload = new Workload(client);
  workload.start(WRITERS);
  await pause(2_000);
  const joined = await grid.startContainer('c4');
  await pause(500);
  await grid.settled(2);
  const { containers } = await grid.status();
  const c4 = containers.find(({ name }) => name === 'c4');
  await workload.stop();
  const verdict = await workload.judge();
  print('a fourth joins', verdict, { shards: (c4?.primaries ?? 0) + (c4?.syncReplicas ?? 0) });
  expectKept(verdict);
  expect(verdict.rolledBack + verdict.unknown, 'nothing fails').toBe(0);
  expect((c4?.primaries ?? 0) + (c4?.syncReplicas ?? 0)).toBe(Math.floor((2 * PARTITIONS) / 4));
  const verified = await grid.ostraca('verify', 'shop');
  expect(verified.code, verified.stdout + verified.stderr).toBe(0);
  expect(joined.child.exitCode).toBeNull();
  await client.close();
});
