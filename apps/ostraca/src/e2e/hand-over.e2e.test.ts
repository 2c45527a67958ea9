/** SIGTERM is not a failure: primaries are handed over, copies move away, and not one request fails. */
import { connect } from '@ostraca/client';
import { afterEach, expect, test } from 'vitest';
import { GridProcesses, pause } from './grid-processes.test-lib.ts';
import { Workload } from './workload.test-lib.ts';

let processes: GridProcesses | undefined;

afterEach(async () => {
  await processes?.end();
  processes = undefined;
});

test('each of three containers ends by SIGTERM under load and is started again', async () => {
  const grid = new GridProcesses({ numberOfPartitions: 13, numInitialContainers: 3 });
  processes = grid;
  await grid.startCatalog();
  const names = ['c1', 'c2', 'c3'];
  await Promise.all(names.map((name) => grid.startContainer(name)));
  await grid.settled(2);
  const client = await connect({ catalogs: [grid.catalogUrl], grid: 'shop' });
  const workload = new Workload(client);
  workload.start(64);
  const endedMs: number[] = [];
  for (const name of names) {
    await pause(300);
    const container = grid.containers.get(name);
    if (container === undefined) throw new Error(`${name} does not run`);
    const startMs = performance.now();
    await grid.kill(container, 'SIGTERM');
    endedMs.push(Math.round(performance.now() - startMs));
    expect(container.child.exitCode, container.log().slice(-2_000)).toBe(0);
    await grid.startContainer(name);
    await grid.settled(2);
  }
  await workload.stop();
  const { missing, present, wrongCounters, reasons, ...counts } = await workload.judge();
  console.log(`hand-over: ${JSON.stringify({ ...counts, reasons, endedMs })}`);
  expect([missing, present, wrongCounters]).toEqual([[], [], []]);
  // Losing a race for a counter is no failure; anything else would be.
  const { version_conflict: _races, duplicate_key: _firstRaces, ...failures } = reasons;
  expect(failures, 'not one request fails').toEqual({});
  expect((await grid.ostraca('verify', 'shop')).code).toBe(0);
  await client.close();
});
