/** Transactions of several clients on real processes: sums, deadlocks, phantoms and a fail-over. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { connect, type Grid, GridError, type Key } from '@ostraca/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GridProcesses } from './grid-processes.test-lib.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const MAPS = [
  { name: 'optimistic', lockStrategy: 'OPTIMISTIC' },
  { name: 'pessimistic', lockStrategy: 'PESSIMISTIC' },
];
const ACCOUNTS = Array.from({ length: 6 }, (_, index): Key => ['bank', index]);

const WHOLE = { sum: 60, seen: 60 };

const processes = new GridProcesses({
  numberOfPartitions: 5,
  numInitialContainers: 3,
  maxSyncReplicas: 2,
  partitionBy: [0],
  maps: MAPS,
});
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
  await processes.end();
});

function gridAt(index: number): Grid {
  const grid = grids[index % grids.length];
  if (grid === undefined) throw new Error('connected');
  return grid;
}

/** Moves one between two accounts, never below nothing, and looks that nothing is lost on the way. */
async function transfer(grid: Grid, map: string, { from, to }: { from: Key; to: Key }): Promise<void> {
  await grid.transaction(
    async (tx) => {
      const accounts = tx.map<Key, number>(map);
      const source = (await accounts.getForUpdate(from)) ?? 0;
      const target = (await accounts.getForUpdate(to)) ?? 0;
      if (source === 0) return;
      await accounts.set(from, source - 1);
      await accounts.set(to, target + 1);
    },
    { retries: 200, deadlineMs: 60_000 },
  );
}

/** By their keys, and by going through the map: at the commit both are of one moment. */
async function sumOf(grid: Grid, map: string): Promise<{ readonly sum: number; readonly seen: number }> {
  return await grid.transaction(
    async (tx) => {
      const balances = await tx.map<Key, number>(map).getAll(ACCOUNTS);
      let [sum, seen] = [0, 0];
      for (const balance of balances.values()) sum += balance;
      for await (const balance of tx.map<Key, number>(map).values({ batch: 2 })) seen += balance;
      return { sum, seen };
    },
    { retries: 200, deadlineMs: 60_000 },
  );
}

test.each(MAPS.map(({ name }) => name))('%s: the bank keeps its sum, also when its primary is killed', async (map) => {
  await gridAt(0).transaction((tx) => tx.map<Key, number>(map).setAll(ACCOUNTS.map((key) => [key, 10])));
  const all = Array.from({ length: 120 }, (_, index) => ({
    grid: gridAt(index),
    from: ACCOUNTS[index % ACCOUNTS.length] as Key,
    to: ACCOUNTS[(index * 5 + 1 + (index % 4)) % ACCOUNTS.length] as Key,
  })).filter(({ from, to }) => from !== to);
  const lanes = Array.from({ length: 6 }, async (_, lane) => {
    for (const { grid, ...way } of all.filter((_one, index) => index % 6 === lane)) await transfer(grid, map, way);
  });
  const sums: object[] = [];
  const watching = (async () => {
    for (let look = 0; look < 5; look += 1) sums.push(await sumOf(gridAt(1), map));
  })();
  await Promise.all([...lanes, watching]);
  expect(sums).toEqual(Array.from({ length: 5 }, () => WHOLE));
  const configs = await processes.configs();
  const names = configs.map(({ primary }) => primary.container);
  const victim = processes.containers.get(names[0] ?? '');
  if (victim === undefined) throw new Error('a primary');
  const going = Promise.all(all.map(({ grid, ...way }) => transfer(grid, map, way)));
  await processes.kill(victim);
  await processes.startContainer(victim.name);
  await going;
  expect(await sumOf(gridAt(2), map)).toEqual(WHOLE);
  await processes.settled(3);
});

test('of two in a deadlock one is told so, with the cycle, and the other commits', async () => {
  const [one, other] = [gridAt(0).session(), gridAt(1).session()];
  await Promise.all([one.begin({ lockTimeoutMs: 5_000 }), other.begin({ lockTimeoutMs: 5_000 })]);
  const [ofOne, ofOther] = [one.map<Key, number>('pessimistic'), other.map<Key, number>('pessimistic')];
  await ofOne.set(['d', 'a'], 1);
  await ofOther.set(['d', 'b'], 2);
  const first = ofOne.set(['d', 'b'], 1);
  const startMs = performance.now();
  const outcomes = await Promise.allSettled([first, ofOther.set(['d', 'a'], 2)]);
  expect(performance.now() - startMs).toBeLessThan(100);
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as GridError] : []));
  expect(failures).toHaveLength(1);
  expect(failures[0]).toBeInstanceOf(GridError);
  expect(failures[0]).toMatchObject({ code: 'deadlock', outcome: 'not_applied', retry: 'with_new_transaction' });
  const cycle = (failures[0]?.details.cycle ?? []) as readonly string[];
  expect(cycle).toHaveLength(2);
  expect(cycle.join('\n')).toMatch(/waits for key \["d","[ab]"\] of map pessimistic \(X\), held by/);
  const winner = outcomes[0]?.status === 'fulfilled' ? one : other;
  const [value, loser] = winner === one ? [1, other] : [2, one];
  await winner.commit();
  await expect(loser.commit()).rejects.toMatchObject({ code: 'transaction_not_active' });
  const map = gridAt(2).map<Key, number>('pessimistic');
  expect([
    ...(
      await map.getAll([
        ['d', 'a'],
        ['d', 'b'],
      ])
    ).values(),
  ]).toEqual([value, value]);
});

test('who waits for a lock is told who has it; a plain write waits too', async () => {
  const session = gridAt(0).session();
  await session.begin();
  await session.map('pessimistic').lock(['w', 'a'], 'exclusive');
  const waiting = gridAt(1).transaction((tx) => tx.map('pessimistic').get(['w', 'a']), {
    lockTimeoutMs: 100,
    retries: 0,
  });
  await expect(waiting).rejects.toMatchObject({ code: 'lock_timeout', outcome: 'not_applied' });
  const plain = gridAt(1).map<Key, number>('pessimistic').set(['w', 'a'], 7);
  await session.map<Key, number>('pessimistic').set(['w', 'a'], 6);
  await session.commit();
  await plain;
  expect(await gridAt(2).map('pessimistic').get(['w', 'a'])).toBe(7);
});

test('the locks of a client that is killed are free when it was silent for 15 s, and nothing of it is written', async () => {
  const source = `import { connect } from '@ostraca/client';
    const grid = await connect({ catalogs: ['${processes.catalogUrl}'], grid: 'shop' });
    const session = grid.session();
    await session.begin();
    await session.map('pessimistic').set(['k', 'a'], 1);
    console.log('it has the lock');`;
  const args = ['--input-type=module', '--eval', source];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), ended]);
  child.kill('SIGKILL');
  await ended;
  const startMs = performance.now();
  await gridAt(0).transaction((tx) => tx.map('pessimistic').insert(['k', 'a'], 2), {
    lockTimeoutMs: 30_000,
    deadlineMs: 40_000,
    retries: 0,
  });
  const tookMs = performance.now() - startMs;
  expect(tookMs).toBeGreaterThan(9_000);
  expect(tookMs).toBeLessThan(30_000);
});

test.each(MAPS.map(({ name }) => name))('%s: no phantoms', async (map) => {
  await gridAt(0)
    .map<Key, number>(map)
    .set([`p-${map}`, 0], 0);
  // Each adds one only if there are fewer than ten.
  const add = async (index: number): Promise<boolean> =>
    gridAt(index).transaction(
      async (tx) => {
        const rows = tx.map<Key, number>(map);
        await rows.has([`p-${map}`, 'none']);
        let count = 0;
        for await (const [key] of rows) if (Array.isArray(key) && key[0] === `p-${map}`) count += 1;
        if (count >= 10) return false;
        await rows.insert([`p-${map}`, index + 1], index);
        return true;
      },
      { retries: 500, deadlineMs: 60_000 },
    );
  const added = await Promise.all(Array.from({ length: 20 }, (_, index) => add(index)));
  expect(added.filter(Boolean)).toHaveLength(9);
});
