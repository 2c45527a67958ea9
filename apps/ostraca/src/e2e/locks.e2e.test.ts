/** Locks between programs on real processes: contention, an owner that dies, a primary that dies. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connect, type Grid } from '@ostraca/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GridProcesses, until } from './grid-processes.test-lib.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

const processes = new GridProcesses({ numberOfPartitions: 5, numInitialContainers: 3, maxSyncReplicas: 2 });
const children: ChildProcess[] = [];
let grids: Grid[] = [];

beforeAll(async () => {
  await processes.startCatalog();
  await Promise.all(['c1', 'c2', 'c3'].map((name) => processes.startContainer(name)));
  await processes.settled(3);
  const target = { catalogs: [processes.catalogUrl], grid: 'shop' };
  grids = await Promise.all([connect(target), connect(target), connect(target)]);
});

afterAll(async () => {
  await Promise.all(grids.map((grid) => grid.close()));
  for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await processes.end();
});

const gridAt = (index: number): Grid => grids[index % grids.length] as Grid;

/** A program that has the lock and says its token. */
async function owner(name: string, leaseMs: number): Promise<{ child: ChildProcess; token: bigint }> {
  const source = `import { connect } from '@ostraca/client';
    const grid = await connect({ catalogs: ['${processes.catalogUrl}'], grid: 'shop' });
    const lock = await grid.lock('${name}', { leaseMs: ${leaseMs} });
    lock.signal.addEventListener('abort', () => console.log('lost'));
    console.log(String(lock.token));`;
  const args = ['--input-type=module', '--eval', source];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  for await (const text of createInterface({ input: child.stdout })) return { child, token: BigInt(text) };
  throw new Error('it ended without the lock');
}

test('three clients: never two at a time, each in its turn, with tokens that rise', async () => {
  const tokens: bigint[] = [];
  const counter = gridAt(0).map<string, number>('counters');
  await counter.set('done', 0);
  let inside = 0;
  const tasks = Array.from({ length: 6 }, async (_, index) => {
    for (let turn = 0; turn < 20; turn += 1) {
      const grid = gridAt(index);
      await using lock = await grid.lock('job', { waitMs: 60_000 });
      inside += 1;
      expect(inside).toBe(1);
      tokens.push(lock.token);
      // Without the lock some of these would be lost.
      const map = grid.map<string, number>('counters');
      await map.set('done', ((await map.get('done')) ?? 0) + 1);
      expect(lock.signal.aborted).toBe(false);
      inside -= 1;
    }
  });
  await Promise.all(tasks);
  expect(await counter.get('done')).toBe(120);
  expect(tokens).toEqual([...tokens].sort((a, b) => (a < b ? -1 : 1)));
  expect(new Set(tokens).size).toBe(120);
});

test('the lock of an owner that is killed is free after its lease, not before; and is shown until then', async () => {
  const { child, token } = await owner('dying', 2_000);
  await expect(gridAt(0).lock('dying', { waitMs: 3_000 })).rejects.toMatchObject({ code: 'lock_timeout' });
  const shown = await processes.ostraca('show', 'locks', 'shop');
  expect(shown.stdout).toMatch(/shop\/ostraca\.locks\s+\d+\s+"dying"\s+name\s+[0-9a-f]{32}\s+held/);
  const waiting = gridAt(1).lock('dying', { waitMs: 20_000 });
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
  const killedMs = performance.now();
  const lock = await waiting;
  const tookMs = performance.now() - killedMs;
  console.log(`free ${Math.round(tookMs)} ms after its owner was killed, with a lease of 2,000 ms`);
  expect(tookMs).toBeGreaterThan(2_000 - 2_000 / 3 - 200);
  expect(tookMs).toBeLessThan(8_000);
  expect(lock.token).toBeGreaterThan(token);
  await lock.release();
});

test('an owner that stands still loses the lock, and hears of it when it wakes', async () => {
  const { child, token } = await owner('sleeping', 1_000);
  child.kill('SIGSTOP');
  const lock = await gridAt(0).lock('sleeping', { waitMs: 20_000 });
  expect(lock.token).toBeGreaterThan(token);
  const heard = (async () => {
    for await (const text of createInterface({ input: child.stdout as NodeJS.ReadableStream })) return text;
    return undefined;
  })();
  child.kill('SIGCONT');
  expect(await heard).toBe('lost');
  expect(lock.signal.aborted).toBe(false);
  await lock.release();
});

test('who gives up waiting leaves no lock behind', async () => {
  const held = await gridAt(0).lock('given-up');
  const giving = new AbortController();
  const waiting = gridAt(1).lock('given-up', { signal: giving.signal, waitMs: 30_000 });
  // Both are at the primary before one gives up: what their clients asked later was answered.
  await gridAt(1).map('ostraca.locks').has('given-up');
  const behind = gridAt(2).lock('given-up', { waitMs: 30_000 });
  await gridAt(2).map('ostraca.locks').has('given-up');
  giving.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'aborted', outcome: 'not_applied' });
  await held.release();
  const lock = await behind;
  await lock.release();
  await (await gridAt(0).lock('given-up', { waitMs: 0 })).release();
});

test('a lock outlives the primary of its partition, and so does the waiting for it', async () => {
  const lock = await gridAt(0).lock('lasting', { leaseMs: 20_000 });
  const waiting = gridAt(1).lock('lasting', { waitMs: 60_000 });
  let isOurs = false;
  waiting.then(
    () => {
      isOurs = true;
    },
    () => {},
  );
  const shown = await processes.ostraca('show', 'locks', 'shop');
  const partition = Number(/ostraca\.locks\s+(\d+)\s+"lasting"/.exec(shown.stdout)?.[1]);
  const before = (await processes.configs()).find((config) => config.partition === partition);
  const victim = processes.containers.get(before?.primary.container ?? '');
  if (before === undefined || victim === undefined) throw new Error(`no primary:\n${shown.stdout}`);
  await processes.kill(victim);
  await until('it has another primary', 30_000, async () =>
    (await processes.configs()).some((config) => config.partition === partition && config.epoch > before.epoch),
  );
  await processes.startContainer(victim.name);
  await processes.settled(3);
  expect(isOurs).toBe(false);
  expect(lock.signal.aborted).toBe(false);
  await expect(gridAt(2).lock('lasting', { waitMs: 0 })).rejects.toMatchObject({ code: 'lock_timeout' });
  await lock.release();
  const next = await waiting;
  expect(next.token).toBeGreaterThan(lock.token);
  await next.release();
});
