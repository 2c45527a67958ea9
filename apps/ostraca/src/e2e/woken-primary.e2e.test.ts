/** A primary that slept through its own replacement answers nothing from its old epoch, neither reads nor writes. */
import { connect } from '@ostraca/client';
import { asMapId, asPartitionId, encodeKey, LINEARIZABLE_READ, type Message, partitionOf } from '@ostraca/core';
import { afterEach, expect, test } from 'vitest';
import { openTool } from '../tool.ts';
import { GridProcesses, pause, until } from './grid-processes.test-lib.ts';

const STOPPED_MS = 30_000;
/** It is dialled while it sleeps, and its first turns after waking find the questions waiting. */
const DIAL_BEFORE_MS = 3_000;
const QUESTIONS = 200;
const KEY = 'the key';

let processes: GridProcesses | undefined;

afterEach(async () => {
  await processes?.end();
  processes = undefined;
});

test('stopped for thirty seconds, asked in its old epoch as it wakes', async () => {
  const grid = new GridProcesses({ numberOfPartitions: 1, maxSyncReplicas: 1, numInitialContainers: 3 });
  processes = grid;
  await grid.startCatalog();
  await Promise.all(['c1', 'c2', 'c3'].map((name) => grid.startContainer(name)));
  await grid.settled(2);
  const client = await connect({ catalogs: [grid.catalogUrl], grid: 'shop' });
  const orders = client.map<string, string>('orders');
  await orders.set(KEY, 'old');
  const [before] = await grid.configs();
  const primary = grid.containers.get(before?.primary.container ?? '');
  if (before === undefined || primary === undefined) throw new Error('the partition has no primary');

  primary.child.kill('SIGSTOP');
  const stoppedMs = performance.now();
  await orders.set(KEY, 'new', { deadlineMs: 20_000 });
  await pause(STOPPED_MS - DIAL_BEFORE_MS - (performance.now() - stoppedMs));
  const tool = openTool('late asker');
  const dialling = tool.dial(primary.url, 10_000);
  await pause(DIAL_BEFORE_MS);
  primary.child.kill('SIGCONT');
  const connection = await dialling;
  const heard: Message[] = [];
  connection.listen((message) => heard.push(message));
  const key = encodeKey(KEY);
  const question = {
    partition: asPartitionId(partitionOf(key, 1, [])),
    epoch: before.epoch,
    map: asMapId(0),
    ttlMs: 2_000,
  };
  for (let id = 1; id <= QUESTIONS; id++) {
    if (id % 2 === 0) {
      connection.send({ type: 'read', id, ...question, keys: [key], withoutValues: false, ...LINEARIZABLE_READ });
    } else {
      const operation = {
        kind: 'set',
        key,
        value: Uint8Array.of(3, 1),
        ifEpoch: 0,
        ifLsn: 0,
        ttlMs: 0,
        expireAtMs: 0,
        mapOffset: 0,
      };
      const write = { type: 'write', id, ...question, seq: id, ackedBelow: 1, attempt: 1, operations: [operation] };
      connection.send(write as unknown as Message);
    }
  }
  await until('every question is answered', 10_000, async () => heard.length >= QUESTIONS);
  const counts = new Map<string, number>();
  for (const { type } of heard) counts.set(type, (counts.get(type) ?? 0) + 1);
  console.log(`woken after ${STOPPED_MS / 1_000} s: ${JSON.stringify(Object.fromEntries(counts))}`);
  expect([...counts.keys()], 'no entry and no acknowledgement from the old epoch').toEqual(['errorAnswer']);
  expect(await orders.get(KEY)).toBe('new');
  expect(primary.child.exitCode, 'it goes on').toBeNull();
  await tool.close();
  await client.close();
});
