// Goal: what a turn sends leaves only when the turn's events are durable, in the order of the turns.
import { asConnectionId } from '@ostraca/core';
import { expect, test } from 'vitest';
import { DurableGate } from './durable-gate.ts';
import type { Journal } from './journal.ts';
import { JournalError } from './journal-error.ts';
import { heartbeat, newTestServer, RawPeer } from './test-peers.test-lib.ts';

/** A journal whose disk is as slow, or as broken, as the test wants. */
class FakeJournal implements Journal {
  appended = 0;
  durable = 0;
  readonly sizeBytes = 0;
  readonly syncs: { upTo: number; resolve: () => void; reject: (error: Error) => void }[] = [];

  get isDurable(): boolean {
    return this.durable === this.appended;
  }

  append(): void {
    this.appended += 1;
  }

  sync(): Promise<void> {
    const upTo = this.appended;
    return new Promise((resolve, reject) => {
      this.syncs.push({ upTo, resolve, reject });
    });
  }

  finishSync(): void {
    const sync = this.syncs.shift();
    if (sync === undefined) throw new Error('no sync is running');
    this.durable = sync.upTo;
    sync.resolve();
  }

  async rewrite(): Promise<void> {}
  async close(): Promise<void> {}
}

const reactions = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('one sync covers all that came while the last one ran, and the order is kept', async () => {
  const journal = new FakeJournal();
  const gate = new DurableGate(journal, () => {});
  const left: string[] = [];
  gate.pass(() => left.push('nothing to wait for'));
  expect(left).toEqual(['nothing to wait for']);

  journal.append();
  gate.pass(() => left.push('a'));
  journal.append();
  gate.pass(() => left.push('b'));
  gate.pass(() => left.push('c, after b though it journals nothing'));
  journal.append();
  gate.push();
  expect(journal.syncs.length).toBe(1);
  await reactions();
  expect(left.length).toBe(1);

  journal.finishSync();
  await reactions();
  expect(left).toEqual(['nothing to wait for', 'a']);
  expect(journal.syncs.map((sync) => sync.upTo)).toEqual([3]);

  journal.finishSync();
  await gate.drained();
  expect(left.slice(2)).toEqual(['b', 'c, after b though it journals nothing']);
  expect(journal.syncs).toEqual([]);

  gate.pass(() => left.push('d'));
  expect(left.at(-1)).toBe('d');
});

test('after a failure nothing leaves any more', async () => {
  const journal = new FakeJournal();
  const failures: unknown[] = [];
  const gate = new DurableGate(journal, (error) => failures.push(error));
  const left: string[] = [];
  journal.append();
  gate.pass(() => left.push('a'));
  journal.syncs[0]?.reject(new JournalError('io', 'disk full'));
  await gate.drained();
  gate.pass(() => left.push('b'));
  await gate.drained();
  expect(left).toEqual([]);
  expect(failures).toMatchObject([{ kind: 'io' }]);
});

test('on sockets: send and hangUp wait for the disk, sendNow does not', async () => {
  const journal = new FakeJournal();
  const there = await newTestServer('catalog', { journal });
  const peer = await new RawPeer(there.listener.url).openWithHello();
  const { connection } = await there.machine.firstOf('open');
  const seqs = (): number[] => peer.received.flatMap((message) => (message.type === 'heartbeat' ? [message.seq] : []));
  const { effects } = there.machine;
  there.host.turn(() => {
    effects.send(connection, heartbeat(1));
    effects.journal({ type: 'anything' });
    effects.send(connection, heartbeat(2));
    effects.sendNow(connection, heartbeat(3));
    effects.hangUp(connection, 'done');
    effects.send(asConnectionId(99), heartbeat(4));
  });
  await there.machine.until('what is urgent', () => seqs().length > 0);
  expect(seqs()).toEqual([3]);
  expect(journal.syncs.length).toBe(1);
  journal.finishSync();
  await peer.closed;
  expect(seqs()).toEqual([3, 1, 2]);
  expect((await there.machine.firstOf('close')).reason).toBe('done');
  await there.close();
});

test('a journal that fails is a crash of the host', async () => {
  const journal = new FakeJournal();
  const there = await newTestServer('catalog', { journal });
  there.host.turn(() => there.machine.effects.journal({}));
  await there.machine.until('a sync', () => journal.syncs.length === 1);
  journal.syncs[0]?.reject(new JournalError('io', 'disk full'));
  await there.machine.until('the crash', () => there.crashes.length === 1);
  expect(there.crashes).toMatchObject([{ kind: 'io', message: 'disk full' }]);
  await there.close();
});
