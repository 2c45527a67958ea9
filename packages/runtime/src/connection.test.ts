import { asConnectionId } from '@ostraca/core';
import { encodeFrame } from '@ostraca/protocol';
import { expect, test } from 'vitest';
import { Connection, type ConnectionOwner } from './connection.ts';
import { helloOf } from './handshake.ts';
import type { GridSocket, SocketEvents } from './platform.ts';
import { CONNECTION_TIMES } from './times.ts';

const ME = { role: 'container', name: 'c1', incarnation: '1'.repeat(32) } as const;
const PEER = { role: 'client', name: 'client', incarnation: '2'.repeat(32) } as const;

/** An accepted connection that has had its hello; what it does to its socket is listed. */
function readyConnection() {
  const done: string[] = [];
  const later: (() => void)[] = [];
  let events: SocketEvents | undefined;
  const socket = {
    listen: (to: SocketEvents) => {
      events = to;
    },
    send: () => {},
    ping: () => {},
    close: () => done.push('close'),
    terminate: () => done.push('terminate'),
    pause: () => done.push('pause'),
    resume: () => done.push('resume'),
    limitIncoming: () => {},
    queuedBytes: 0,
  } satisfies GridSocket;
  const owner: ConnectionOwner = {
    self: ME,
    times: CONNECTION_TIMES,
    traffic: { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0 },
    nowMs: () => 0,
    afterReads: (act) => void later.push(act),
    onReady: () => {},
    onMessages: (connection, messages) => {
      for (const message of messages) connection.ownMessage(message);
    },
    onRefused: () => {},
    onUnsendable: () => {},
    onClosed: () => {},
  };
  const connection = new Connection({ id: asConnectionId(1), socket, remote: 'peer', accepted: true }, owner);
  const receive = (frame: Uint8Array): void => events?.onFrame(frame);
  receive(encodeFrame([helloOf(PEER)]));
  expect(connection.stage).toBe('ready');
  return { receive, done, later, close: () => events?.onClosed('gone') };
}

/** Of 16 KiB. */
const FRAME = encodeFrame([{ type: 'routingRequest', grid: 'g'.repeat(16_000) }]);

test('who sends much is not read any further until all others were read', () => {
  const { receive, done, later } = readyConnection();
  for (let count = 0; count < 4; count++) receive(FRAME);
  expect(done).toEqual([]);
  receive(FRAME);
  expect(done).toEqual(['pause']);
  // What had been read already is still handed on, without another pause.
  for (let count = 0; count < 8; count++) receive(FRAME);
  expect(done).toEqual(['pause']);
  for (const act of later.splice(0)) act();
  expect(done).toEqual(['pause', 'resume']);
  for (let count = 0; count < 5; count++) receive(FRAME);
  expect(done).toEqual(['pause', 'resume', 'pause']);
});

test('a connection that closed meanwhile is not read again', () => {
  const { receive, done, later, close } = readyConnection();
  for (let count = 0; count < 5; count++) receive(FRAME);
  close();
  for (const act of later) act();
  expect(done).toEqual(['pause']);
});
