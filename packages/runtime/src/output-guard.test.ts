// Goal: a peer that does not read costs a bounded amount of memory; one that reads slowly is not punished.
import { LIMITS } from '@ostraca/core';
import { describe, expect, test } from 'vitest';
import { OutputGuard } from './output-guard.ts';
import { heartbeat, newTestServer, RawPeer } from './test-peers.test-lib.ts';

const { outputSoftBytes: SOFT, outputHardBytes: HARD } = LIMITS;

describe('the rule', () => {
  const accepted = (): OutputGuard => new OutputGuard({ accepted: true, stuckMs: 15_000 });
  const dialled = (): OutputGuard => new OutputGuard({ accepted: false, stuckMs: 15_000 });

  test('an accepted peer is not read from the soft limit until half of it', () => {
    const guard = accepted();
    expect(guard.onSent(0, SOFT, 0)).toBe('go');
    expect(guard.onSent(SOFT, SOFT + 1, 1)).toBe('pause');
    expect(guard.onDrained(SOFT / 2 + 1, 2)).toBe('go');
    expect(guard.onDrained(SOFT / 2, 3)).toBe('resume');
    expect(guard.onDrained(0, 4)).toBe('go');
  });

  test('a dialled peer is always read, or two peers could wait for each other for ever', () => {
    expect(dialled().onSent(0, SOFT + 1, 0)).toBe('go');
  });

  test('one burst may pass the hard limit, more on top may not', () => {
    const guard = accepted();
    expect(guard.onSent(0, HARD + 1, 0)).toBe('pause');
    expect(guard.onSent(HARD - 1, HARD, 1)).toBe('go');
    expect(guard.onSent(HARD, HARD + 1, 1)).toBe('give_up');
  });

  test('a queue that stands still is given up, one that moves is not', () => {
    const guard = accepted();
    guard.onSent(0, SOFT + 2, 0);
    expect(guard.onDrained(SOFT + 1, 14_000)).toBe('go');
    expect(guard.judge(SOFT + 1, 29_000)).toBe('go');
    guard.forgive(5_000);
    expect(guard.judge(SOFT + 1, 34_000)).toBe('go');
    expect(guard.judge(SOFT + 1, 34_001)).toBe('give_up');
  });

  test('over the hard limit a dialled peer has less patience', () => {
    const guard = dialled();
    guard.onSent(0, HARD + 1, 0);
    expect(guard.judge(HARD + 1, 5_000)).toBe('go');
    expect(guard.judge(HARD + 1, 5_001)).toBe('give_up');
  });
});

test('who does not read answers is not read either, and is dropped when nothing moves', async () => {
  const there = await newTestServer('server', { times: { stuckMs: 1_000, leaveMs: 200 } });
  try {
    const asker = await new RawPeer(there.listener.url).openWithHello();
    const { connection } = await there.machine.firstOf('open');
    asker.socket.pause();
    let answered = 0;
    there.machine.onEvent = (event) => {
      if (event.kind !== 'message') return;
      answered += 1;
      there.machine.effects.send(connection, heartbeat(0, 1024 * 1024));
    };
    // Each asks for 1 MiB; with the requests of 64 KiB no buffer of the kernel swallows them all.
    for (let seq = 0; seq < 1_000; seq++) asker.send(heartbeat(seq, 64 * 1024));
    const closed = await there.machine.firstOf('close');
    expect(closed.reason).toBe('does not read');
    expect(answered).toBeGreaterThan(8);
    expect(answered).toBeLessThan(100);
    expect(there.host.counters().queuedBytes).toBe(0);
    asker.socket.terminate();
  } finally {
    await there.close();
  }
});

test('who reads again is read again', async () => {
  const there = await newTestServer('server');
  try {
    const asker = await new RawPeer(there.listener.url).openWithHello();
    const { connection } = await there.machine.firstOf('open');
    asker.socket.pause();
    there.machine.onEvent = (event) => {
      if (event.kind === 'message') there.machine.effects.send(connection, heartbeat(0, 1024 * 1024));
    };
    for (let seq = 0; seq < 64; seq++) asker.send(heartbeat(seq, 64 * 1024));
    await there.machine.until('a full queue', () => there.host.counters().queuedBytes > SOFT);
    expect(there.machine.seqs.length).toBeLessThan(64);
    asker.socket.resume();
    await there.machine.until('all requests', () => there.machine.seqs.length === 64);
    asker.socket.terminate();
  } finally {
    await there.close();
  }
});

test('unasked output to a peer that does not read stops at the hard limit', async () => {
  const there = await newTestServer('server');
  try {
    const deaf = await new RawPeer(there.listener.url).openWithHello();
    const { connection } = await there.machine.firstOf('open');
    deaf.socket.pause();
    let most = 0;
    there.machine.onEachTick = () => {
      most = Math.max(most, there.host.counters().queuedBytes);
      for (let n = 0; n < 4; n++) there.machine.effects.send(connection, heartbeat(n, 1024 * 1024));
    };
    expect((await there.machine.firstOf('close')).reason).toBe('does not read');
    expect(most).toBeLessThan(HARD + 8 * 1024 * 1024);
    deaf.socket.terminate();
  } finally {
    await there.close();
  }
});
