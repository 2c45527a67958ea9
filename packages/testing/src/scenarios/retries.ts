/** Requests that are sent again: each takes effect once, and what was answered stays true. */
import type { Message } from '@ostraca/core';
import type { Script } from './script.ts';
import { PAIR_AND_SPARE, TRIO } from './topologies.ts';

export const RETRIES: readonly Script[] = [
  {
    name: 'the answer to a conditional write is lost, and its client asks again',
    rows: [6, 60],
    breaks: 'I-ONCE, I-LIN',
    stage: TRIO,
    play: (stage) => {
      const { p } = stage.roles();
      const first = stage.x.set('k', 'one');
      stage.expect(first, 'applied');
      const answer = stage.hold({ from: p, to: 'x', type: 'writeAnswer' });
      const swap = stage.x.swap('k', 'two', first);
      stage.until('it is answered', 500, () => answer.isOnItsWay);
      stage.expect(stage.y.get('k'), 'two');
      stage.lose(p, 'x');
      stage.release(answer);
      stage.expect(swap, 'applied');
    },
  },
  {
    name: 'a retry comes to a replica that joined by a checkpoint after the write',
    rows: [6, 59, 72],
    breaks: 'I-ONCE',
    stage: { ...PAIR_AND_SPARE, logRetentionBytes: 0 },
    mutants: { noCompletionRecords: 'I-ONCE' },
    play: (stage) => {
      const { p, q, spare } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      const answer = stage.hold({ from: p, to: 'x', type: 'writeAnswer' });
      const write = stage.x.set('k', 'two');
      stage.until('it is answered', 500, () => answer.isOnItsWay);
      stage.expect(stage.y.get('k'), 'two');
      const others = stage.insist(stage.y, 'k', 'three');
      stage.pass(300);
      stage.crash(q);
      stage.until('the spare is in', 5_000, () => stage.config.sync.some(({ container }) => container === spare));
      stage.pass(100);
      stage.crash(p);
      stage.release(answer);
      stage.lose(p, 'x');
      stage.restart(p, q);
      stage.expect(write, 'applied');
      stage.expect(stage.y.get('k'), others);
    },
  },
  {
    name: '"rolled back" is not said while somebody eligible holds the write without its rollback',
    rows: [30, 70],
    breaks: 'I-ABORT',
    stage: { containers: 3, minSync: 2, maxSync: 2 },
    mutants: { abortIgnoresEligible: 'I-ABORT' },
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      // q refuses it, so p rolls it back; r holds it, and does not hear of that.
      const before = stage.lastLsn(p);
      stage.refuse(q);
      const refusal = stage.hold({ from: q, to: p, type: 'vote' });
      stage.x.set('k', 'two');
      stage.until('r holds it', 100, () => stage.lastLsn(r) === before + 1);
      stage.deafen(p, r);
      stage.release(refusal);
      stage.until('q hears of it', 200, () => stage.lastLsn(q) === before + 2);
      stage.refuse(q, false);
      stage.stop(r);
      stage.crash(p);
      stage.until(
        'q is promoted, and r evicted',
        5_000,
        () => stage.config.epoch === 2 && stage.config.sync.length === 1,
      );
      stage.pass(1_000);
      stage.crash(q);
      stage.continue(r);
      stage.until('r is promoted', 5_000, () => stage.config.primary.container === r);
      stage.join();
      stage.restart(p, q);
      stage.insist(stage.y, 'j', 'three');
      stage.expect(stage.y.get('k'), 'two');
    },
  },
  {
    name: 'a vote that never comes is no yes, and what is rolled back for it stays away',
    rows: [35, 65],
    breaks: 'I-MIN, I-ABORT',
    stage: PAIR_AND_SPARE,
    mutants: { decideBelowMin: 'I-AGREE' },
    play: (stage) => {
      const { p, q, spare } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.stop(spare);
      const vote = stage.hold({ from: q, to: p, type: 'vote' });
      const write = stage.x.set('k', 'two', { timeoutMs: 2_000 });
      stage.until('q has voted', 100, () => vote.isOnItsWay);
      // q does not hear of the rollback by the connection of its primary; otherwise the two reach each other.
      stage.hold({ from: p, to: q, type: 'append', where: rollsBack });
      stage.expect(write, 'replication_voted_to_rollback', 2_000);
      // q holds it, and is eligible: it cuts it.
      stage.crash(p);
      stage.until('q is promoted', 3_000, () => stage.config.primary.container === q);
      stage.release(vote);
      stage.continue(spare);
      stage.insist(stage.y, 'j', 'three');
      stage.expect(stage.y.get('k'), 'one');
    },
  },
  {
    name: 'a condition that fails at a deposed primary that woke up is no answer',
    rows: [72],
    breaks: 'I-LIN',
    stage: TRIO,
    mutants: { readWithoutLease: 'I-LEASE' },
    play: (stage) => {
      const { p } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.part([p, 'x']);
      stage.expect(stage.y.delete('k'), 'applied');
      const insert = stage.x.insert('k', 'two');
      stage.pass(300);
      stage.expectOpen(insert);
      stage.join();
      stage.expect(insert, 'applied');
    },
  },
  {
    name: 'no condition fails because of a write that is rolled back later',
    rows: [69, 72],
    breaks: 'I-DIRTY',
    stage: TRIO,
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.refuse(q);
      stage.refuse(r);
      const votes = [q, r].map((name) => stage.hold({ from: name, to: p, type: 'vote' }));
      const first = stage.x.insert('n', 'one');
      stage.until('both have refused it', 100, () => votes.every((vote) => vote.isOnItsWay));
      stage.refuse(q, false);
      stage.refuse(r, false);
      const second = stage.y.insert('n', 'two');
      stage.pass(50);
      stage.expectOpen(second);
      for (const vote of votes) stage.release(vote);
      stage.expect(first, 'replication_voted_to_rollback');
      stage.expect(second, 'applied');
      // The record was at fault, not those who refused it.
      stage.check('nobody is evicted', stage.config.sync.length === 3);
    },
  },
  {
    name: 'a successor inherits a write that another replica has refused',
    rows: [73],
    breaks: 'I-LIVE, I-ABORT',
    stage: TRIO,
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.refuse(r);
      stage.cut(q, p);
      stage.hear(p, q);
      stage.deafen(r, p);
      const write = stage.x.set('k', 'two');
      stage.until(
        'both have it',
        100,
        () => stage.shard(r)?.log.placeholders.size === 1 && stage.lastLsn(q) === stage.lastLsn(p),
      );
      stage.refuse(r, false);
      stage.crash(p);
      stage.until('q is promoted', 2_000, () => stage.config.primary.container === q);
      stage.expect(write, 'replication_voted_to_rollback');
      stage.expect(stage.y.get('k'), 'one');
    },
  },
];

function rollsBack(message: Message): boolean {
  return message.type === 'append' && message.records.some(({ aborted }) => aborted.length > 0);
}
