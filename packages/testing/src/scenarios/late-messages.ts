/** What was sent in one epoch, or to one life, and arrives in another. */
import type { Script } from './script.ts';
import { TRIO } from './topologies.ts';

export const LATE_MESSAGES: readonly Script[] = [
  {
    name: 'records of a deposed primary come to a replica that follows another',
    rows: [3, 15],
    breaks: 'I-AGREE, I-ACK',
    stage: TRIO,
    mutants: { dropEpochCheck: 'I-ACK' },
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.part([p, 'x']);
      stage.hear(p, r);
      const append = stage.hold({ from: p, to: r, type: 'append' });
      stage.x.set('k', 'two', { timeoutMs: 500 });
      stage.until('it is on its way', 100, () => append.isOnItsWay);
      stage.until('r follows q', 3_000, () => stage.shard(r)?.opened?.epoch === 2);
      stage.release(append);
      stage.pass(20);
      stage.expect(stage.y.set('k', 'three'), 'applied');
      stage.crash(q);
      stage.join();
      stage.expect(stage.y.get('k'), 'three');
    },
  },
  {
    name: 'a change that a deposed primary has asked for comes when another is primary',
    rows: [9, 20],
    breaks: 'I-CFG',
    stage: TRIO,
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.part([p, 'x']);
      stage.hear('catalog', p);
      stage.hear(p, 'catalog');
      const question = stage.hold({ from: p, to: 'catalog', type: 'changeInSync' });
      stage.x.set('k', 'two');
      stage.until('p asks to evict', 500, () => question.isOnItsWay);
      stage.untilEpoch(2);
      stage.release(question);
      stage.pass(20);
      const { sync } = stage.config;
      stage.check(
        'nobody was evicted',
        [q, r].every((name) => sync.some(({ container }) => container === name)),
      );
      stage.expect(stage.y.set('j', 'three'), 'applied');
    },
  },
  {
    name: 'what was sent to a life of a replica does not reach the next one',
    rows: [18, 62],
    breaks: 'I-ACK',
    stage: TRIO,
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      const vote = stage.hold({ from: r, to: p, type: 'vote' });
      stage.deafen(q, p);
      const write = stage.x.set('k', 'two');
      stage.until('r has voted', 100, () => vote.isOnItsWay);
      stage.crash(r);
      stage.restart(r);
      stage.release(vote);
      stage.pass(100);
      // Whatever its first life has acknowledged, its next one holds nothing, and q has to answer.
      stage.expectOpen(write);
      stage.hear(q, p);
      stage.expect(write, 'applied');
      stage.crash(p);
      stage.expect(stage.y.get('k'), 'two');
    },
  },
  {
    name: 'an older attempt found nothing to delete, and its answer comes before that of the newer one',
    rows: [30, 31],
    breaks: 'I-LIN',
    stage: TRIO,
    play: (stage) => {
      const { p, q } = stage.roles();
      const old = stage.hold({ from: p, to: 'x', type: 'writeAnswer' });
      const deletion = stage.x.delete('k');
      stage.until('p has answered', 100, () => old.isOnItsWay);
      stage.stop(p);
      const newer = stage.hold({ from: q, to: 'x', type: 'writeAnswer' });
      stage.expect(stage.y.insert('k', 'one'), 'applied');
      stage.until('q has answered', 3_000, () => newer.isOnItsWay);
      stage.release(old);
      stage.pass(20);
      stage.expectOpen(deletion);
      stage.release(newer);
      stage.expect(deletion, 'applied');
      stage.expect(stage.y.get('k'), 'absent');
    },
  },
];
