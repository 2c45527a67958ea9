/** Below minSyncReplicas: writes fail at once and say so, reads go on, and writes come back by themselves. */
import { connect, GridError } from '@ostraca/client';
import { afterEach, expect, test } from 'vitest';
import { GridProcesses, until } from './grid-processes.test-lib.ts';
import { Workload } from './workload.test-lib.ts';

const PARTITIONS = 13;
let processes: GridProcesses | undefined;

afterEach(async () => {
  await processes?.end();
  processes = undefined;
});

test('minSyncReplicas 2 and one of three containers stopped', async () => {
  const grid = new GridProcesses({
    numberOfPartitions: PARTITIONS,
    minSyncReplicas: 2,
    maxSyncReplicas: 2,
    numInitialContainers: 3,
  });
  processes = grid;
  await grid.startCatalog();
  for (const name of ['c1', 'c2', 'c3']) await grid.startContainer(name);
  await grid.settled(3);
  const client = await connect({ catalogs: [grid.catalogUrl], grid: 'shop', operationTimeoutMs: 5_000 });
  const orders = client.map<string, number>('orders');
  const keys = Array.from({ length: 200 }, (_, index) => `order-${index}`);
  await Promise.all(keys.map((key, index) => orders.set(key, index)));

  await grid.allDecided();
  const c3 = grid.containers.get('c3');
  c3?.child.kill('SIGSTOP');
  await until('the catalog has failed over', 10_000, async () => {
    const configs = await grid.configs();
    return configs.every(({ primary, sync }) => primary.container !== 'c3' && sync.length === 2);
  });

  const startMs = performance.now();
  const outcomes = await Promise.allSettled(keys.map((key) => orders.set(key, -1)));
  const tookMs = performance.now() - startMs;
  const codes = new Set(outcomes.map((outcome) => outcome.status === 'rejected' && (outcome.reason as GridError).code));
  // A partition whose primary has not heard of the loss yet logs the write and rolls it back.
  const allowed = new Set(['too_few_sync_replicas', 'replication_voted_to_rollback']);
  expect([...codes].filter((code) => code === false || !allowed.has(code))).toEqual([]);
  expect(codes.size).toBeGreaterThan(0);
  expect(tookMs, 'at once').toBeLessThan(2_000);

  const found = await orders.getAll(keys);
  keys.forEach((key, index) => {
    expect(found.get(key), 'a write that was refused changed nothing').toBe(index);
  });
  expect(await orders.size()).toBe(keys.length);

  c3?.child.kill('SIGCONT');
  const writableMs = Math.round(await new Workload(client).untilWritable(PARTITIONS, 20_000));
  await Promise.all(keys.map((key, index) => orders.set(key, index + 1)));
  console.log(
    `too few replicas: refused in ${Math.round(tookMs)} ms, writable ${writableMs} ms after the third came back`,
  );
  await client.close();
});

test('a write in flight when a replica stops: its caller learns an outcome, and reads of its key say what they wait for', async () => {
  const grid = new GridProcesses({
    numberOfPartitions: 1,
    minSyncReplicas: 2,
    maxSyncReplicas: 2,
    numInitialContainers: 3,
  });
  processes = grid;
  await grid.startCatalog();
  for (const name of ['c1', 'c2', 'c3']) await grid.startContainer(name);
  await grid.settled(3);
  const client = await connect({ catalogs: [grid.catalogUrl], grid: 'shop', operationTimeoutMs: 6_000 });
  const orders = client.map<string, string>('orders');
  await orders.set('a', 'before');
  const [config] = await grid.configs();
  const replicas = config?.sync.filter(({ incarnation }) => incarnation !== config.primary.incarnation) ?? [];
  const primary = grid.containers.get(config?.primary.container ?? '');
  const stoppedReplica = grid.containers.get(replicas[0]?.container ?? '');

  // One replica stops, so the write cannot be decided; then its primary stops too: the write is undecided for ever after.
  stoppedReplica?.child.kill('SIGSTOP');
  const writing = orders.set('a', 'after').then(
    () => 'committed',
    (error: GridError) => error.code,
  );
  await until('the primary has logged the write', 5_000, async () => {
    const shards = primary === undefined ? [] : await grid.shardsOf(primary);
    return shards.some(({ lastLsn, decidedLsn }) => lastLsn > decidedLsn);
  });
  primary?.child.kill('SIGSTOP');
  await until('the last one is primary', 15_000, async () => {
    const [now] = await grid.configs();
    return now?.primary.incarnation === replicas[1]?.incarnation;
  });
  const reading = await orders.get('a', { deadlineMs: 1_500 }).catch((error: GridError) => error);
  expect(reading, 'its write may have been decided: nobody knows').toBeInstanceOf(GridError);
  expect((reading as GridError).code).toBe('timeout');
  expect((reading as GridError).outcome).toBe('not_applied');
  expect(JSON.stringify((reading as GridError).details)).toContain('partition');
  expect(await orders.get('b', { deadlineMs: 1_500 }), 'another key is not concerned').toBeUndefined();
  const sizing = await orders.size({ deadlineMs: 1_500 }).catch((error: GridError) => error);
  expect(sizing).toBeInstanceOf(GridError);

  stoppedReplica?.child.kill('SIGCONT');
  primary?.child.kill('SIGCONT');
  const outcome = await writing;
  await grid.settled(3);
  const value = await orders.get('a');
  console.log(`undecided at the fail-over: the caller got ${outcome}, the key is '${value}'`);
  if (outcome === 'committed') expect(value).toBe('after');
  else if (outcome !== 'timeout') expect(value).toBe('before');
  await client.close();
});
