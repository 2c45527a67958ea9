// Goal: a machine on real sockets: turns, frames, the order of things, and how it all ends.
import { GridError } from '@ostraca/core';
import { afterEach, expect, test } from 'vitest';
import { hasCode } from './handshake.ts';
import {
  heartbeat,
  newTestHost,
  newTestServer,
  RAW_HELLO,
  RawPeer,
  type TestHost,
  type TestHostOptions,
  type TestServer,
} from './test-peers.test-lib.ts';

const toClose: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of toClose.splice(0).reverse()) await each.close();
});

async function server(options: TestHostOptions = {}): Promise<TestServer> {
  const made = await newTestServer('server', options);
  toClose.push(made);
  return made;
}

function dialler(options: TestHostOptions = {}): TestHost {
  const made = newTestHost('dialler', options);
  toClose.push({ close: () => made.host.close() });
  return made;
}

async function pair(options: { server?: TestHostOptions; dialler?: TestHostOptions } = {}) {
  const there = await server(options.server);
  const here = dialler(options.dialler);
  const connection = here.host.turn(() => here.machine.effects.dial(there.listener.url));
  await here.machine.firstOf('open');
  const back = (await there.machine.firstOf('open')).connection;
  return { there, here, connection, back };
}

test('both sides learn who the other is, then messages come in their order', async () => {
  const { there, here, connection } = await pair({ dialler: { self: { role: 'tool', name: 't', incarnation: 'f0' } } });
  expect(there.machine.events[0]).toMatchObject({ peer: { role: 'tool', name: 't', incarnation: 'f0' } });
  expect(here.machine.events[0]).toMatchObject({ connection, peer: { role: 'container', name: 'server' } });
  for (let seq = 1; seq <= 100; seq++) here.host.turn(() => here.machine.effects.send(connection, heartbeat(seq)));
  await there.machine.until('100 messages', () => there.machine.seqs.length === 100);
  expect(there.machine.seqs).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
  expect(there.host.counters().connections).toEqual({ catalog: 0, container: 0, client: 0, tool: 1 });
});

test('calls of one turn and of the promise reactions after it leave in one frame, and so do the answers', async () => {
  const { there, here, connection, back } = await pair();
  there.machine.onEvent = (event) => {
    if (event.kind === 'message') there.machine.effects.send(back, event.message);
  };
  const framesBefore = here.host.counters();
  const send = (seq: number): void => here.host.turn(() => here.machine.effects.send(connection, heartbeat(seq)));
  // From a callback of the event loop, as an answer's is: from a reaction, less would do.
  setImmediate(() => {
    send(1);
    send(2);
    for (const seq of [3, 4, 5]) void sendInReactions(seq);
  });
  async function sendInReactions(seq: number): Promise<void> {
    await null;
    send(seq);
    await null;
    await null;
    send(seq + 10);
  }
  await here.machine.until('all answers', () => here.machine.seqs.length === 8);
  expect(here.machine.seqs).toEqual([1, 2, 3, 4, 5, 13, 14, 15]);
  const framesAfter = here.host.counters();
  expect(framesAfter.framesOut - framesBefore.framesOut).toBe(1);
  expect(framesAfter.framesIn - framesBefore.framesIn).toBe(1);
});

test('a turn has one end, after all messages of its frame', async () => {
  const { there, here, connection } = await pair();
  await there.machine.until('nothing more', () => true);
  const ends: number[] = [];
  const before = there.machine.turnEnds;
  there.machine.onEvent = () => ends.push(there.machine.turnEnds - before);
  there.machine.onEachTick = () => {};
  here.host.turn(() => {
    for (let seq = 1; seq <= 3; seq++) here.machine.effects.send(connection, heartbeat(seq));
  });
  await there.machine.until('3 messages', () => there.machine.seqs.length === 3);
  expect(new Set(ends).size).toBe(1);
});

test('what does not fit into one frame goes in several, in order', async () => {
  const { there, here, connection } = await pair();
  const framesBefore = here.host.counters().framesOut;
  here.host.turn(() => {
    for (let seq = 1; seq <= 6; seq++) here.machine.effects.send(connection, heartbeat(seq, 1_500_000));
  });
  await there.machine.until('6 messages', () => there.machine.seqs.length === 6);
  expect(there.machine.seqs).toEqual([1, 2, 3, 4, 5, 6]);
  expect(here.host.counters().framesOut - framesBefore).toBe(3);
});

test('much for one peer leaves in parts, the first before the turn is over', async () => {
  const { there, here, connection } = await pair();
  const framesBefore = here.host.counters().framesOut;
  const sent = (): number => here.host.counters().framesOut - framesBefore;
  here.host.turn(() => {
    for (let seq = 1; seq <= 100; seq++) here.machine.effects.send(connection, heartbeat(seq));
    expect(sent()).toBe(3);
  });
  await there.machine.until('100 messages', () => there.machine.seqs.length === 100);
  expect(there.machine.seqs).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
  expect(sent()).toBe(4);
});

test('a dial that fails ends in onClose, never in the same turn', async () => {
  const here = dialler();
  const nobody = await server();
  const url = nobody.listener.url;
  await toClose.splice(toClose.length - 1, 1)[0]?.close();
  for (const bad of [url, 'no address', 'ftp://127.0.0.1:1']) {
    const from = here.machine.events.length;
    const connection = here.host.turn(() => here.machine.effects.dial(bad));
    expect(here.machine.events.length).toBe(from);
    const closed = await here.machine.firstOf('close', from);
    expect(closed.connection).toBe(connection);
    expect(closed.reason).not.toBe('');
  }
  expect(here.machine.events[0]).toMatchObject({ reason: expect.stringContaining('ECONNREFUSED') });
});

test('hangUp closes after what was sent, and both sides hear why, with the code', async () => {
  const { there, here, connection } = await pair();
  here.host.turn(() => {
    here.machine.effects.send(connection, heartbeat(1));
    here.machine.effects.hangUp(connection, 'name_in_use: c1 is alive elsewhere');
    here.machine.effects.send(connection, heartbeat(2));
  });
  const theirs = await there.machine.firstOf('close');
  const ours = await here.machine.firstOf('close');
  expect(there.machine.seqs).toEqual([1]);
  expect(theirs.reason).toBe('name_in_use: c1 is alive elsewhere');
  expect(ours.reason).toBe('name_in_use: c1 is alive elsewhere');
  expect(hasCode(theirs.reason, 'name_in_use')).toBe(true);
});

test('after its hangUp a machine hears nothing more from the peer but the end', async () => {
  const { there, here, connection, back } = await pair();
  there.machine.onEvent = (event) => {
    if (event.kind === 'message') there.machine.effects.hangUp(back, 'enough');
  };
  here.host.turn(() => {
    for (let seq = 1; seq <= 3; seq++) here.machine.effects.send(connection, heartbeat(seq));
  });
  expect((await here.machine.firstOf('close')).reason).toBe('enough');
  await there.machine.firstOf('close');
  expect(there.machine.events.map((event) => event.kind)).toEqual(['open', 'message', 'close']);
});

test('a peer that speaks no version of ours is refused with both ranges', async () => {
  const there = await server();
  const self = { role: 'container', name: 'old', incarnation: 'a', protocol: { min: 90, max: 91 } } as const;
  const here = dialler({ self });
  here.host.turn(() => here.machine.effects.dial(there.listener.url));
  const closed = await here.machine.firstOf('close');
  expect(hasCode(closed.reason, 'protocol_version')).toBe(true);
  expect(closed.reason).toContain('90 to 91');
  expect(here.machine.events.some((event) => event.kind === 'open')).toBe(false);
  await there.machine.until('the refusal', () => there.host.counters().connectionsRefused.protocol_version === 1);
  expect(there.machine.events).toEqual([]);
  expect(there.notes).toContain('connection_refused protocol_version');
});

test('a process that speaks no hello, or something before it, is refused', async () => {
  const there = await server({ times: { helloMs: 200 } });
  const mute = await new RawPeer(there.listener.url).open();
  expect(await mute.closed).toMatchObject({ code: 1008, reason: 'frame refused: no_hello' });
  const hasty = await new RawPeer(there.listener.url).open();
  hasty.send(heartbeat(1), RAW_HELLO);
  expect(await hasty.closed).toMatchObject({ code: 1008, reason: 'frame refused: no_hello' });
  expect(hasty.received.at(-1)).toMatchObject({ type: 'goodbye', reason: 'frame refused: no_hello' });
  expect(there.machine.events).toEqual([]);
  expect(there.host.counters().connectionsRefused).toEqual({ no_hello: 2 });
});

test('a machine that throws is a crash; a GridError of an outside call is not', async () => {
  const { there, here, connection } = await pair();
  there.machine.onEvent = () => {
    throw new Error('a bug');
  };
  here.host.turn(() => here.machine.effects.send(connection, heartbeat(1)));
  await there.machine.until('the crash', () => there.crashes.length > 0);
  expect(there.crashes).toMatchObject([{ message: 'a bug' }]);
  there.machine.onEvent = () => {};
  const refused = (): never =>
    here.host.turn(() => {
      throw new GridError('too_large');
    });
  expect(refused).toThrow(GridError);
  expect(here.crashes).toEqual([]);
});

test('a host that closes says goodbye, and its machine hears nothing more', async () => {
  const { there, here } = await pair();
  const before = here.machine.events.length;
  await here.host.close('enough');
  expect((await there.machine.firstOf('close')).reason).toBe('enough');
  expect(here.machine.events.length).toBe(before);
  expect(there.host.counters().connections.container).toBe(0);
});

test('a peer whose process is gone is a connection lost', async () => {
  const there = await server();
  const peer = await new RawPeer(there.listener.url).openWithHello();
  await there.machine.firstOf('open');
  peer.socket.terminate();
  expect((await there.machine.firstOf('close')).reason).toBe('connection lost');
});

test('a peer that says nothing, not even pong, is given up; one that answers pings is not', async () => {
  const there = await server({ times: { pingEveryMs: 50, silenceMs: 600 } });
  const alive = await new RawPeer(there.listener.url).openWithHello();
  const mute = await new RawPeer(there.listener.url, { autoPong: false }).openWithHello();
  expect(await mute.closed).toMatchObject({ code: 1006 });
  expect((await there.machine.firstOf('close')).reason).toBe('silent for 600 ms');
  expect(alive.socket.readyState).toBe(alive.socket.OPEN);
});
