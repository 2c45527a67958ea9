/** Primaries that were replaced and do not know it, and what their successors inherit. */
import type { Message } from '@ostraca/core';
import type { Script } from './script.ts';
import { PAIR_AND_SPARE, TRIO } from './topologies.ts';

export const DEPOSED_PRIMARY: readonly Script[] = [
  {
    name: 'a primary that is cut off with its clients acknowledges nothing',
    rows: [22, 23, 34],
    breaks: 'I-ACK',
    stage: { containers: 2, minSync: 0, maxSync: 1 },
    mutants: { evictNotConfirmed: 'I-ACK' },
    play: (stage) => {
      const { p, q } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.part([p, 'x']);
      const write = stage.x.set('k', 'two');
      stage.until('q is promoted', 2_000, () => stage.config.primary.container === q);
      stage.expect(stage.y.get('k'), 'one');
      // Its route is old when the network is whole again.
      stage.join();
      stage.expect(write, 'applied');
      stage.expect(stage.y.get('k'), 'two');
    },
  },
  {
    name: 'a version names one value for ever, on both sides of a partition',
    rows: [4],
    breaks: 'I-VER',
    stage: TRIO,
    play: (stage) => {
      const { p } = stage.roles();
      const first = stage.x.set('k', 'one');
      stage.expect(first, 'applied');
      stage.part([p, 'x']);
      const lost = stage.x.set('k', 'two', { timeoutMs: 1_000 });
      const second = stage.y.set('k', 'three');
      stage.expect(second, 'applied');
      stage.expect(lost, 'unknown');
      stage.join();
      stage.expect(stage.x.swap('k', 'four', first), 'other');
      stage.expect(stage.y.swap('k', 'five', second), 'applied');
    },
  },
  {
    name: 'what only one replica holds of a dead primary is cut when another is promoted',
    rows: [3, 54],
    breaks: 'I-AGREE',
    stage: TRIO,
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.deafen(p, q);
      stage.x.set('k', 'two', { timeoutMs: 400 });
      stage.until('r alone holds it', 100, () => stage.lastLsn(r) === 1 + stage.lastLsn(q));
      stage.crash(p);
      stage.expect(stage.y.set('k', 'three'), 'applied');
      stage.check('q was promoted', stage.config.primary.container === q);
      stage.crash(q);
      stage.restart(p);
      stage.expect(stage.y.get('k'), 'three');
    },
  },
  {
    name: 'a replica that has not heard of a decision is promoted and keeps it, and shows it to nobody before',
    rows: [13, 57],
    breaks: 'I-ACK, I-DIRTY',
    stage: PAIR_AND_SPARE,
    play: (stage) => {
      const { p, q, spare } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.pass(100);
      stage.stop(spare);
      // An append without records only tells what is decided.
      const isHint = (message: Message): boolean => message.type === 'append' && message.records.length === 0;
      stage.hold({ from: p, to: q, type: 'append', where: isHint });
      stage.expect(stage.x.set('k', 'two'), 'applied');
      stage.crash(p);
      const { decidedLsn = 0, log } = stage.shard(q) ?? {};
      stage.check('q does not know that it is decided', log?.lastLsn === decidedLsn + 1);
      stage.until('q is promoted', 2_000, () => stage.shard(q)?.primary !== undefined);
      const read = stage.y.get('k');
      stage.expect(stage.y.get('k', 'eventual'), 'one');
      stage.pass(1_000);
      stage.expectOpen(read);
      stage.continue(spare);
      stage.expect(read, 'two');
    },
  },
  {
    name: 'two fail-overs so fast that a replica misses the first of them',
    rows: [14, 54],
    breaks: 'I-AGREE',
    stage: TRIO,
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.cut(q, r);
      stage.crash(p);
      stage.until('q is promoted', 2_000, () => stage.shard(q)?.primary !== undefined);
      stage.y.set('k', 'two', { timeoutMs: 300 });
      stage.pass(20);
      stage.stop(q);
      stage.until('r is promoted', 3_000, () => stage.shard(r)?.primary !== undefined);
      stage.check('q has a record that nobody else has', stage.lastLsn(q) === 1 + stage.lastLsn(r));
      stage.restart(p);
      const value = stage.insist(stage.x, 'k', 'three');
      stage.join();
      stage.continue(q);
      stage.until('all are in', 10_000, () => stage.config.sync.length === 3);
      stage.crash(p, r);
      stage.until('q is promoted again', 3_000, () => stage.config.primary.container === q);
      stage.restart(p, r);
      stage.expect(stage.y.get('k'), value);
    },
  },
  {
    name: 'a primary wakes up after half a minute with requests in its socket',
    rows: [29, 31],
    breaks: 'I-ACK, I-ONCE',
    stage: TRIO,
    play: (stage) => {
      const { p } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.stop(p);
      const write = stage.x.set('k', 'two');
      stage.expect(write, 'applied');
      stage.expect(stage.y.set('k', 'three'), 'applied');
      stage.pass(14_000);
      stage.x.get('k');
      stage.pass(16_000);
      stage.continue(p);
      stage.pass(1_000);
      stage.expect(stage.x.get('k'), 'three');
    },
  },
];
