// Goal: after a stall of ours the sockets are read before time is judged, and the tick says how late it is.
import { createServer } from 'node:net';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { withDeadline } from './test-peers.test-lib.ts';
import { startTicker } from './ticker.ts';

const STALL_MS = 400;

test('what came during a stall is read before the tick that follows it', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  const gate = new Int32Array(new SharedArrayBuffer(4));
  // Another thread writes to us while ours stands still.
  const source = `
    const { workerData } = require('node:worker_threads');
    const socket = require('node:net').connect(workerData.port, '127.0.0.1', () => {
      socket.setNoDelay();
      socket.write('hello');
    });
    socket.once('data', () => {
      Atomics.wait(workerData.gate, 0, 0);
      socket.write('during the stall', () => socket.end());
    });`;
  const worker = new Worker(source, { eval: true, workerData: { gate, port: address.port } });
  const order = await withDeadline(
    'the late tick',
    new Promise<string[]>((resolve) => {
      const seen: string[] = [];
      let stalling = false;
      const ticker = startTicker({
        tickMs: 10,
        unref: false,
        onTick: (_nowMs, lateMs) => {
          if (!stalling) return;
          seen.push(lateMs >= STALL_MS - 20 ? 'late tick' : `tick ${lateMs}`);
          ticker.stop();
          resolve(seen);
        },
      });
      server.once('connection', (socket) => {
        socket.once('data', () => {
          socket.write('go');
          socket.on('data', () => seen.push('read'));
          // In the check phase, after which timers come first and the sockets second.
          setImmediate(() => {
            stalling = true;
            Atomics.store(gate, 0, 1);
            Atomics.notify(gate, 0);
            Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STALL_MS);
          });
        });
      });
    }),
  );
  expect(order).toEqual(['read', 'late tick']);
  await worker.terminate();
  server.close();
});

test('ticks go on until they are stopped', async () => {
  let ticks = 0;
  await withDeadline(
    'five ticks',
    new Promise<void>((resolve) => {
      const ticker = startTicker({
        tickMs: 1,
        unref: true,
        onTick: () => {
          ticks += 1;
          if (ticks < 5) return;
          ticker.stop();
          resolve();
        },
      });
      ticker.keepAlive(true);
    }),
  );
  expect(ticks).toBe(5);
});
