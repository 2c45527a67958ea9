/** Copies that lack what was decided, or hold what was rolled back: none of them may take over as if nothing had been. */
import type { Script } from './script.ts';
import { PAIR_AND_SPARE, TRIO } from './topologies.ts';

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
  {
    name: 'a primary that restarts before anybody noticed is not taken for the one that it was',
    rows: [21],
    breaks: 'I-ACK',
    stage: PAIR_AND_SPARE,
    play: (stage) => {
      const { p, q } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.crashSilently(p);
      stage.restart(p);
      stage.expect(stage.y.get('k'), 'one');
      stage.check('its replica was promoted', stage.config.primary.container === q);
    },
  },
  {
    name: 'the last in sync dies, and an evicted replica that has everything is promoted and not wiped',
    rows: [19, 72],
    breaks: 'I-ACK',
    stage: PAIR_AND_SPARE,
    play: (stage) => {
      const { p, q, spare } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.stop(spare);
      stage.stop(q);
      stage.until('q is evicted', 2_000, () => stage.config.elr.length === 1);
      stage.crash(p);
      stage.restart(p);
      stage.pass(2_000);
      stage.check('nobody else takes over', stage.config.lost || stage.config.epoch === 1);
      stage.continue(q);
      stage.until('q is promoted', 3_000, () => stage.config.primary.container === q);
      stage.expect(stage.y.get('k'), 'one');
    },
  },
  {
    name: 'a replica that was away for very long does not take time back',
    rows: [55],
    breaks: 'I-ACK',
    stage: { ...TRIO, logRetentionBytes: 0 },
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.stop(r);
      stage.expect(stage.x.set('k', 'two'), 'applied');
      stage.pass(120_000);
      stage.stop(p, q);
      stage.continue(r);
      stage.pass(5_000);
      stage.check('r is not promoted', stage.config.primary.container !== r);
      const read = stage.y.get('k');
      stage.continue(p, q);
      stage.expect(read, 'two');
      stage.until('r is back', 10_000, () => stage.config.sync.length === 3);
    },
  },
  {
    name: 'a replica that lags answers nobody who asks for what is fresh',
    rows: [33],
    breaks: 'I-LIN',
    stage: { containers: 2, minSync: 0, maxSync: 0, maxAsync: 1 },
    mutants: { staleReplicaRead: 'I-ACK' },
    play: (stage) => {
      const { p, async } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.pass(100);
      stage.deafen(p, async);
      stage.expect(stage.y.set('k', 'two'), 'applied');
      stage.pass(100);
      stage.expect(stage.x.get('k', 'eventual'), 'one');
      stage.expect(stage.x.get('k', { maxStalenessMs: 20 }), 'two');
    },
  },
  {
    name: 'a replica that lags answers nobody who has seen more',
    rows: [33],
    breaks: 'I-SESSION',
    stage: { containers: 2, minSync: 0, maxSync: 0, maxAsync: 1 },
    mutants: { tokenIgnored: 'I-SESSION' },
    play: (stage) => {
      const { p, async } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.pass(100);
      stage.deafen(p, async);
      stage.expect(stage.x.set('k', 'two'), 'applied');
      stage.expect(stage.x.get('k', 'session'), 'two');
    },
  },
  {
    name: 'a partition is lost with a write on its way, and nobody is told that it is written',
    rows: [32, 56],
    breaks: 'I-ACK',
    stage: PAIR_AND_SPARE,
    play: (stage) => {
      const { p, q } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.hold({ from: q, to: p, type: 'vote' });
      const write = stage.x.set('k', 'two', { timeoutMs: 4_000 });
      stage.pass(20);
      stage.crash(p, q);
      stage.restart(p, q);
      stage.expect(write, 'unknown', 4_500);
      stage.check('nobody made an empty one of it', stage.config.lost);
    },
  },
];
