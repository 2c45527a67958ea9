// Goal: whatever comes in on a port costs its own connection, counts, and costs nobody else anything.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { heartbeat, newTestServer, RawPeer, type TestServer, withDeadline } from './test-peers.test-lib.ts';

let there: TestServer;
let bystander: RawPeer;

beforeEach(async () => {
  there = await newTestServer('server', { times: { pingEveryMs: 100, silenceMs: 1_000 } });
  bystander = await new RawPeer(there.listener.url).openWithHello();
  await there.machine.firstOf('open');
});

afterEach(async () => {
  // Everybody else goes on.
  bystander.send(heartbeat(4711));
  await there.machine.until('the bystander', () => there.machine.seqs.includes(4711));
  expect(there.crashes).toEqual([]);
  await there.close();
});

async function peerAfterHello(): Promise<RawPeer> {
  const from = there.machine.events.length;
  const peer = await new RawPeer(there.listener.url).openWithHello();
  await there.machine.firstOf('open', from);
  return peer;
}

/** The upgrade by hand, so that what follows need be no WebSocket frame. */
async function rawSocket(): Promise<Socket> {
  const socket = connect(there.listener.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(
    `GET /grid HTTP/1.1\r\nHost: 127.0.0.1:${there.listener.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await withDeadline('the upgrade', once(socket, 'data'));
  return socket;
}

test('garbage in a frame', async () => {
  const peer = await peerAfterHello();
  peer.socket.send(Buffer.from('this is no frame of ours'));
  const { code, reason } = await peer.closed;
  expect(code).toBe(1008);
  expect(reason).toMatch(/^frame refused: /);
  expect(peer.received.at(-1)).toMatchObject({ type: 'goodbye' });
  expect(there.host.counters().framesRefused).toEqual({ malformed: 1 });
  expect(there.notes).toContain('frame_refused malformed');
});

test('a frame over the limit is refused by its announced length', async () => {
  const peer = await peerAfterHello();
  peer.socket.send(Buffer.alloc(5 * 1024 * 1024));
  expect((await peer.closed).code).toBe(1009);
  expect(there.host.counters().framesRefused).toEqual({ frame_too_large: 1 });
});

test('a text frame', async () => {
  const peer = await peerAfterHello();
  peer.socket.send('hello?');
  expect(await peer.closed).toEqual({ code: 1008, reason: 'frame refused: text_frame' });
  expect(there.host.counters().framesRefused).toEqual({ text_frame: 1 });
});

test('a second hello', async () => {
  const peer = await peerAfterHello();
  peer.send({
    type: 'hello',
    protocolMin: 1,
    protocolMax: 1,
    role: 'catalog',
    name: '',
    incarnation: 'b',
    program: '',
  });
  expect((await peer.closed).code).toBe(1008);
  expect(there.host.counters().framesRefused).toEqual({ second_hello: 1 });
});

test('half a frame, and then nothing: silence ends it', async () => {
  const peer = await peerAfterHello();
  const from = there.machine.events.length;
  // 0x82: binary, final. 0xff: masked, a length of 64 bits follows: one MiB. Then ten bytes of it.
  const head = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 1, 2, 3, 4]);
  streamOf(peer).write(Buffer.concat([head, Buffer.alloc(10)]));
  const closed = await there.machine.firstOf('close', from);
  expect(closed.reason).toBe('silent for 1000 ms');
});

test('half a frame, and then the end', async () => {
  const peer = await peerAfterHello();
  const from = there.machine.events.length;
  streamOf(peer).write(Buffer.from([0x82, 0xfe, 1, 0, 1, 2, 3, 4, 9]));
  streamOf(peer).destroy();
  expect((await there.machine.firstOf('close', from)).reason).toBe('connection lost');
});

test('bytes that are no WebSocket frame', async () => {
  const socket = await rawSocket();
  socket.write(Buffer.alloc(64, 0xff));
  await ended(socket);
  expect(there.host.counters().connectionsRefused).toEqual({ websocket_error: 1 });
});

test('a large frame before the hello is not gathered', async () => {
  const socket = await rawSocket();
  const announced = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0x3f, 0, 0, 0, 0, 0, 0]);
  socket.write(Buffer.concat([announced, Buffer.alloc(1024 * 1024)]));
  await ended(socket);
  expect(there.host.counters().connectionsRefused).toEqual({ hello_too_large: 1 });
});

test('bytes that are no HTTP either', async () => {
  const socket = connect(there.listener.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  socket.write(Buffer.alloc(256, 0x01));
  await ended(socket);
  expect(there.listener.refused()).toEqual({ bad_request: 1 });
});

/** Closed or reset: to a peer that is still sending, an end looks like either. */
function ended(socket: Socket): Promise<void> {
  return withDeadline('the end', new Promise((resolve) => socket.once('close', () => resolve())));
}

/** Below ws, to write what ws would not. */
function streamOf(peer: RawPeer): Socket {
  return (peer.socket as unknown as { readonly _socket: Socket })._socket;
}
