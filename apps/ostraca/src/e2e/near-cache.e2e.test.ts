/**
 * A near cache on real processes, while primaries are stopped, killed and restarted: no read is older than its bound or goes
 * back, and a client reads its own writes.
 */
import { connect, GridError } from '@ostraca/client';
import { afterEach, expect, test } from 'vitest';
import { GridProcesses, pause } from './grid-processes.test-lib.ts';

const KEYS = Array.from({ length: 40 }, (_, index) => `key-${index}`);
const MAX_STALE_MS = 250;
/** A clock may run one part in a hundred slow. */
const BOUND_MS = MAX_STALE_MS * 1.01 + 1;
const NAMES = ['c1', 'c2', 'c3'] as const;

let processes: GridProcesses | undefined;

afterEach(async () => {
  await processes?.end();
  processes = undefined;
});

/** Acknowledged heights of one key, ascending, with when they were acknowledged. */
type Acknowledged = { readonly height: number; readonly atMs: number }[];

/** While too few copies are there, writes are refused. */
async function isWritten(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (!(error instanceof GridError)) throw error;
    await pause(20);
    return false;
  }
}

test('reads through a near cache while primaries come and go', async () => {
  const grid = new GridProcesses({ numberOfPartitions: 5, numInitialContainers: 3 });
  processes = grid;
  await grid.startCatalog();
  await Promise.all(NAMES.map((name) => grid.startContainer(name)));
  await grid.settled(2);
  const [reader, writer] = await Promise.all(
    [0, 1].map(() => connect({ catalogs: [grid.catalogUrl], grid: 'shop', operationTimeoutMs: 20_000 })),
  );
  if (reader === undefined || writer === undefined) throw new Error('two clients');
  const near = reader.map<string, number>('counters', { nearCache: { maxStale: MAX_STALE_MS } });
  const far = writer.map<string, number>('counters');
  const acknowledged = new Map<string, Acknowledged>(KEYS.map((key) => [key, []]));
  const wrong: string[] = [];
  const counts = { reads: 0, writes: 0, own: 0, oldestMs: 0 };
  let goesOn = true;

  const write = async (key: string): Promise<void> => {
    for (let height = 1; goesOn; height++) {
      if (await isWritten(far.set(key, height))) {
        acknowledged.get(key)?.push({ height, atMs: performance.now() });
        counts.writes += 1;
      }
      await pause(1 + ((height * 7) % 40));
    }
  };
  const read = async (key: string): Promise<void> => {
    for (let highest = 0; goesOn; ) {
      const calledMs = performance.now();
      const height = (await near.get(key)) ?? 0;
      counts.reads += 1;
      if (height < highest) wrong.push(`${key} went back from ${highest} to ${height}`);
      highest = Math.max(highest, height);
      const missed = acknowledged.get(key)?.find((one) => one.height > height);
      if (missed !== undefined) {
        counts.oldestMs = Math.max(counts.oldestMs, calledMs - missed.atMs);
        if (calledMs - missed.atMs > BOUND_MS) wrong.push(`${key} is ${height}, ${calledMs - missed.atMs} ms too late`);
      }
      await pause(1);
    }
  };
  const readOwn = async (): Promise<void> => {
    for (let height = 1; goesOn; height++) {
      if (!(await isWritten(near.set('own', height)))) continue;
      const found = await near.get('own');
      if (found !== height) wrong.push(`wrote ${height} and read ${found}`);
      counts.own += 1;
      await pause(5);
    }
  };
  const working = Promise.all([...KEYS.map(write), ...KEYS.map(read), readOwn()]);

  for (const name of NAMES.slice(0, 2)) {
    await pause(1_500);
    const container = grid.containers.get(name);
    if (container === undefined) throw new Error(`${name} does not run`);
    // It keeps its sockets open while others take over, and then it goes for good.
    container.child.kill('SIGSTOP');
    await pause(4_000);
    container.child.kill('SIGCONT');
    await pause(500);
    await grid.kill(container);
    await grid.startContainer(name);
    await grid.settled(2);
  }
  goesOn = false;
  await working;
  console.log(`near cache: ${JSON.stringify({ ...counts, oldestMs: Math.round(counts.oldestMs) })}`);
  expect(wrong).toEqual([]);
  expect(counts.reads).toBeGreaterThan(10 * counts.writes);
  await Promise.all([reader.close(), writer.close()]);
});
