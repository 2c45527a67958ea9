import { expect, test } from 'vitest';
import { must } from '../assert.ts';
import { asMapId, NO_MAP } from '../ids.ts';
import { type LogRecord, NO_BYTES, type OperationKind } from '../messages.ts';
import { KeyQueue } from './key-queue.ts';

const map = asMapId(3);
const key = (text: string) => Uint8Array.from([...text].map((character) => character.charCodeAt(0)));

function write(lsn: number, ...keys: string[]): LogRecord {
  return recordOf(
    lsn,
    keys.map((text) => ({ kind: 'set' as const, key: key(text) })),
  );
}

function recordOf(lsn: number, operations: { kind: OperationKind; key: Uint8Array }[]): LogRecord {
  return {
    ...{
      lsn,
      epoch: 1,
      kind: 'write',
      clientId: '',
      seq: 0,
      ackedBelow: 0,
      map,
      decidedUpTo: 0,
      aborted: [],
      clockMs: 0,
      ceilingMs: 0,
      digestLsn: 0,
      stateDigest: 0,
    },
    operations: operations.map((operation) => ({
      ...operation,
      value: NO_BYTES,
      ifEpoch: 0,
      ifLsn: 0,
      ttlMs: 0,
      expireAtMs: 0,
      mapOffset: 0,
    })),
  };
}

test('a write that looks at the entry waits for the one before it; a plain set does not', () => {
  const queue = new KeyQueue<string>(7, 0);
  queue.lock(write(1, 'a'));
  expect(queue.blockerOfWrite(map, key('a'), false)).toBeUndefined();
  expect(queue.blockerOfWrite(map, key('a'), true)).toBeDefined();
  expect(queue.blockerOfWrite(map, key('b'), true)).toBeUndefined();
  expect(queue.blockerOfWrite(NO_MAP, key('a'), true)).toBeUndefined();
});

test('behind somebody who waits, a plain set waits too: arrival decides the order', () => {
  const queue = new KeyQueue<string>(7, 0);
  const first = write(1, 'a');
  queue.lock(first);
  const blocker = queue.blockerOfWrite(map, key('a'), true);
  queue.wait(must(blocker, 'blocker'), 'insert');
  expect(queue.blockerOfWrite(map, key('a'), false)).toBe(blocker);
  queue.wait(must(blocker, 'blocker'), 'set');
  expect(queue.unlock(first)).toEqual(['insert', 'set']);
  expect(queue.waiterCount).toBe(0);
});

test('only inherited writes lock readers out, and a clear locks its whole map', () => {
  const queue = new KeyQueue<string>(7, 3);
  queue.lock(write(4, 'a'));
  queue.lock(write(2, 'b'));
  expect(queue.blockerOfRead(map, key('a'))).toBeUndefined();
  expect(queue.blockerOfRead(map, key('b'))).toBeDefined();
  queue.lock(recordOf(3, [{ kind: 'clear', key: NO_BYTES }]));
  expect(queue.blockerOfRead(map, key('z'))).toBeDefined();
  expect(queue.blockerOfRead(NO_MAP, key('z'))).toBeUndefined();
});

test('whoever waits is free when the last record of the key has its outcome', () => {
  const queue = new KeyQueue<string>(7, 0);
  const first = write(1, 'a');
  const second = write(2, 'a');
  queue.lock(first);
  queue.lock(second);
  queue.wait(must(queue.blockerOfWrite(map, key('a'), true), 'blocker'), 'update');
  expect(queue.unlock(first)).toBeUndefined();
  expect(queue.unlock(second)).toEqual(['update']);
});

test('whoever leaves is taken out, the others keep their order', () => {
  const queue = new KeyQueue<string>(7, 0);
  const first = write(1, 'a');
  queue.lock(first);
  const blocker = must(queue.blockerOfWrite(map, key('a'), true), 'blocker');
  for (const waiter of ['one', 'two', 'three']) queue.wait(blocker, waiter);
  expect(queue.remove((waiter) => waiter === 'two')).toEqual(['two']);
  expect(queue.waiterCount).toBe(2);
  expect(queue.unlock(first)).toEqual(['one', 'three']);
});

test('an inherited record that was not locked holds nothing', () => {
  const queue = new KeyQueue<string>(7, 2);
  queue.lock(write(1, 'a'));
  expect(queue.unlock(write(2, 'a'))).toBeUndefined();
  expect(queue.blockerOfRead(map, key('a'))).toBeDefined();
  expect(queue.unlock(write(1, 'a'))).toBeUndefined();
  expect(queue.blockerOfRead(map, key('a'))).toBeUndefined();
});
