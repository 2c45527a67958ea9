/** Who may answer a read: one rule at a time stands between a primary and a stale answer. */
import type { Message } from '@ostraca/core';
import type { Script } from './script.ts';
import { PAIR_AND_SPARE, QUARTET, TRIO } from './topologies.ts';

export const LEASES: readonly Script[] = [
  {
    name: 'a primary that is cut off with its clients answers no read',
    rows: [29, 33, 47],
    breaks: 'I-LIN, I-LEASE',
    stage: TRIO,
    mutants: { readWithoutLease: 'I-LEASE' },
    play: (stage) => {
      const { p } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.part([p, 'x']);
      stage.expect(stage.y.set('k', 'two'), 'applied');
      const read = stage.x.get('k');
      stage.pass(500);
      stage.expectOpen(read);
      stage.join();
      stage.expect(read, 'two');
    },
  },
  {
    name: 'a deposed primary that nobody has told is not believed when it asks nobody',
    rows: [33],
    breaks: 'I-LIN',
    stage: TRIO,
    mutants: { readIndexAlone: 'I-ACK' },
    play: (stage) => {
      const { p } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.part([p, 'x']);
      stage.expect(stage.y.set('k', 'two'), 'applied');
      const read = stage.x.get('k', 'readIndex');
      stage.pass(500);
      stage.expectOpen(read);
      stage.join();
      stage.expect(read, 'two');
    },
  },
  {
    name: 'a deposed primary tells no replica how fresh it is',
    rows: [15, 33],
    breaks: 'I-LIN',
    stage: QUARTET,
    mutants: { freshWithoutLease: 'I-ACK' },
    play: (stage) => {
      const { p, q, r, s } = stage.roles();
      stage.forget('x', q);
      stage.forget('x', r);
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.part([p, s, 'x']);
      stage.expect(stage.y.set('k', 'two'), 'applied');
      stage.pass(10);
      // s follows p still, and asks it.
      const read = stage.x.get('k', { maxStalenessMs: 0 });
      stage.pass(300);
      stage.expectOpen(read);
      stage.join();
      stage.expect(read, 'two');
    },
  },
  {
    name: 'the catalog renews no lease of a partition that it takes away',
    rows: [71],
    breaks: 'I-LEASE',
    stage: TRIO,
    mutants: { ackAfterPromotion: 'I-LEASE' },
    play: (stage) => {
      const { p } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.part([p, 'x']);
      stage.hear(p, 'catalog');
      stage.hear('catalog', p);
      stage.stop(p);
      const news = stage.hold({ from: 'catalog', to: p, type: 'configPush', where: tellsOfEpoch(2) });
      // It is decided, and not yet on the disk: nobody has been told.
      stage.cluster.journal.fsyncMs = 60;
      stage.untilEpoch(2);
      stage.continue(p);
      stage.until('the news is out', 500, () => news.isOnItsWay);
      stage.expect(stage.y.set('k', 'two'), 'applied', 400);
      const read = stage.x.get('k');
      stage.pass(50);
      stage.expectOpen(read);
      stage.release(news);
      stage.join();
      stage.expect(read, 'two');
    },
  },
  {
    name: 'a new primary waits out what it has promised to the old one',
    rows: [47, 71],
    breaks: 'I-LEASE',
    stage: TRIO,
    mutants: { noGrantWait: 'I-LEASE' },
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      // The replicas hear p and promise on, but cannot say that they reach it.
      stage.stallDialled(q, p);
      stage.stallDialled(r, p);
      stage.cut(p, 'catalog');
      stage.cut('x', 'catalog');
      stage.cut('x', q);
      stage.cut('x', r);
      stage.cut('y', p);
      stage.untilEpoch(2);
      const write = stage.y.set('k', 'two');
      stage.pass(50);
      stage.expect(stage.x.get('k'), 'one', 50);
      stage.expectOpen(write);
      stage.expect(write, 'applied', 600);
    },
  },
  {
    name: 'who has promised nothing is in sync only when the promises of the new primary have ended',
    rows: [47, 71],
    breaks: 'I-LEASE',
    stage: PAIR_AND_SPARE,
    mutants: { addBeforeGrantsEnd: 'I-LEASE' },
    play: (stage) => {
      const { p, q, spare } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.stallDialled(q, p);
      stage.stallDialled(spare, p);
      stage.cut(p, 'catalog');
      for (const other of ['catalog', q, spare]) stage.cut('x', other);
      stage.cut('y', p);
      stage.untilEpoch(2);
      // It hands over to the first who is in sync with it, and that one need not wait for promises of its own.
      stage.drain(q);
      const read = stage.y.get('k');
      for (let index = 0; index < 20; index++) {
        stage.x.get('k');
        stage.pass(20);
      }
      stage.expect(read, 'one', 2_000);
      stage.check('it was the spare one', stage.config.primary.container === spare);
    },
  },
  {
    name: 'the promise of one replica is not enough without the catalog',
    rows: [47],
    breaks: 'I-LEASE',
    stage: QUARTET,
    mutants: { oneGrantIsEnough: 'I-LEASE' },
    play: (stage) => {
      const { p, s } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.part([p, s, 'x']);
      stage.expect(stage.y.set('k', 'two'), 'applied');
      const read = stage.x.get('k');
      stage.pass(200);
      stage.expectOpen(read);
      stage.join();
      stage.expect(read, 'two');
    },
  },
  {
    name: 'a lease counts from when it was asked for, however late the answer comes',
    rows: [47, 68],
    breaks: 'I-LEASE',
    stage: TRIO,
    mutants: { countFromReceipt: 'I-LEASE' },
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.part([p, 'x']);
      stage.hear(p, 'catalog');
      stage.hear('catalog', p);
      const answer = stage.hold({ from: 'catalog', to: p, type: 'heartbeatAck' });
      stage.until('it is answered', 200, () => answer.isOnItsWay);
      stage.deafen(p, 'catalog');
      stage.pass(500);
      stage.release(answer);
      stage.pass(5);
      stage.deafen('catalog', p);
      stage.expect(stage.y.set('k', 'two'), 'applied', 400);
      stage.check('there is another primary', [q, r].includes(stage.config.primary.container));
      const read = stage.x.get('k');
      stage.pass(50);
      stage.expectOpen(read);
      stage.join();
      stage.expect(read, 'two');
    },
  },
  {
    name: 'a machine that slept through its lease holds none when it wakes up',
    rows: [29, 69],
    breaks: 'I-LEASE',
    stage: TRIO,
    mutants: { noSuspendGuard: 'I-LEASE' },
    play: (stage) => {
      const { p } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.part([p, 'x']);
      stage.sleep(p);
      stage.expect(stage.y.set('k', 'two'), 'applied');
      const read = stage.x.get('k');
      stage.pass(5);
      stage.continue(p);
      stage.pass(50);
      stage.expectOpen(read);
      stage.join();
      stage.expect(read, 'two');
    },
  },
  {
    name: 'an answer from before the sleep renews nothing',
    rows: [68],
    breaks: 'I-LEASE',
    stage: TRIO,
    mutants: { oldEchoAccepted: 'I-LEASE', noSuspendGuard: 'I-LEASE' },
    play: (stage) => {
      const { p } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      const answer = stage.hold({ from: 'catalog', to: p, type: 'heartbeatAck' });
      stage.until('it is answered', 200, () => answer.isOnItsWay);
      stage.sleep(p);
      // It lies in the socket of a machine that sleeps.
      stage.release(answer);
      stage.pass(5);
      stage.part([p, 'x']);
      stage.expect(stage.y.set('k', 'two'), 'applied');
      stage.continue(p);
      stage.pass(2);
      const read = stage.x.get('k');
      stage.pass(50);
      stage.expectOpen(read);
      stage.join();
      stage.expect(read, 'two');
    },
  },
  {
    name: 'a catalog that starts waits out the leases of the one before',
    rows: [44, 68],
    breaks: 'I-LEASE',
    stage: TRIO,
    mutants: { noStartWait: 'I-LEASE' },
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.cut(p, q);
      stage.cut(p, r);
      stage.pass(450);
      stage.await({ from: 'catalog', to: p, type: 'heartbeatAck' });
      stage.crash('catalog');
      stage.part([p, 'x']);
      stage.restart('catalog');
      const write = stage.y.set('k', 'two');
      stage.pass(400);
      // The lease that it holds was granted by the catalog that is gone.
      stage.expect(stage.x.get('k'), 'one', 50);
      stage.expect(write, 'applied');
    },
  },
];

function tellsOfEpoch(epoch: number): (message: Message) => boolean {
  return (message) => message.type === 'configPush' && message.configs.some((config) => config.epoch === epoch);
}
