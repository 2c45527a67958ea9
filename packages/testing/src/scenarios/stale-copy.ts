/** Copies that lack what was decided, or hold what was rolled back: none of them may take over as if nothing had been. */
import type { Script } from './script.ts';

export const STALE_COPY: readonly Script[] = [
  {
    name: 'a copy that is promoted with a loss does not bring back what was rolled back',
    rows: [30, 70],
    breaks: 'I-ABORT',
    stage: { containers: 3, minSync: 1, maxSync: 1, maxAsync: 1, onInSyncLoss: 'promoteAsync' },
    mutants: { keepUndecidedTail: 'I-ABORT' },
    play: (stage) => {
      const { p, q, async } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.pass(100);
      stage.refuse(q);
      const votes = stage.hold({ from: q, to: p, type: 'vote' });
      const refused = stage.x.set('k', 'two');
      stage.until('the asynchronous copy holds it', 500, () => {
        const shard = stage.shard(async);
        return shard !== undefined && shard.log.lastLsn > shard.decidedLsn;
      });
      stage.deafen(p, async);
      stage.refuse(q, false);
      stage.release(votes);
      stage.expect(refused, 'replication_voted_to_rollback');
      // Both full copies die, and it is proved: their next lives are let in.
      stage.crash(p, q);
      stage.pass(50);
      stage.restart(p, q);
      stage.until('the asynchronous copy goes on', 5_000, () => stage.config.primary.container === async);
      stage.expect(stage.y.get('k'), 'one');
    },
  },
  {
    name: 'a stale copy waits for proof that the full ones are gone',
    rows: [2, 55],
    breaks: 'I-ACK',
    stage: { containers: 3, minSync: 1, maxSync: 1, maxAsync: 1, onInSyncLoss: 'promoteAsync' },
    mutants: { lossWithoutProof: 'I-ACK' },
    play: (stage) => {
      const { p, q, async } = stage.roles();
      stage.deafen(p, async);
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.stop(p, q);
      stage.pass(5_000);
      stage.check('the partition waits', stage.config.lost);
      const read = stage.y.get('k');
      stage.continue(p, q);
      stage.expect(read, 'one');
    },
  },
];
