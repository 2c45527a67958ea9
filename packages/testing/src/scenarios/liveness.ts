/** Faults that stay: what is left must go on, and within a bound. */
import type { Script } from './script.ts';
import { PAIR_AND_SPARE, TRIO } from './topologies.ts';

export const LIVENESS: readonly Script[] = [
  {
    name: 'one direction between two containers is dead, and everybody sees the catalog',
    rows: [11, 61, 73],
    breaks: 'I-LIVE',
    stage: TRIO,
    play: (stage) => {
      const { p, q } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.deafen(p, q);
      stage.expect(stage.x.set('k', 'two'), 'applied', 600);
      // q may be chosen again and again; nobody waits for it for long.
      for (let round = 0; round < 20; round++) {
        stage.expect(stage.x.set('k', `round ${round}`), 'applied', 600);
        stage.pass(500);
      }
      stage.check('nobody was promoted for that', stage.config.epoch === 1);
    },
  },
  {
    name: 'a container that is to hold the next copy cannot reach the primary',
    rows: [11],
    breaks: 'I-LIVE',
    stage: PAIR_AND_SPARE,
    play: (stage) => {
      const { p, q, spare } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.cut(p, spare);
      stage.crash(q);
      stage.pass(3_000);
      stage.expect(stage.x.get('k'), 'one', 100);
      stage.restart(q);
      stage.pass(3_000);
      stage.join();
      stage.insist(stage.x, 'k', 'two', 20_000);
    },
  },
  {
    name: 'a slow replica holds writes up once',
    rows: [63],
    breaks: 'I-LIVE',
    stage: TRIO,
    play: (stage) => {
      const { r } = stage.roles();
      stage.stop(r);
      stage.expect(stage.x.set('k', 'one'), 'applied', 600);
      for (let round = 0; round < 20; round++) stage.expect(stage.x.set('k', `round ${round}`), 'applied', 30);
    },
  },
  {
    name: 'nobody is there, and each call says so when its time is over',
    rows: [63],
    breaks: 'I-LIVE',
    stage: TRIO,
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.stop(p, q, r);
      const before = stage.requestCount;
      const write = stage.x.set('k', 'one', { timeoutMs: 5_000 });
      const read = stage.y.get('k', 'linearizable', { timeoutMs: 5_000 });
      stage.expect(write, 'unknown', 5_100);
      stage.expect(read, 'timeout', 100);
      stage.check('few requests were sent', stage.requestCount - before < 50);
    },
  },
  {
    name: 'a partition at rest writes nothing',
    rows: [73],
    breaks: 'I-LIVE',
    stage: TRIO,
    play: (stage) => {
      const { p } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.pass(1_000);
      const lastLsn = stage.shard(p)?.log.lastLsn;
      stage.pass(60_000);
      stage.check('no record was added', stage.shard(p)?.log.lastLsn === lastLsn);
    },
  },
  {
    name: 'one client has a thousand requests that wait, and others are served',
    rows: [73],
    breaks: 'I-LIVE',
    stage: TRIO,
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.y.set('j', 'one'), 'applied');
      const votes = [q, r].map((name) => stage.hold({ from: name, to: p, type: 'vote' }));
      for (let index = 0; index < 1_500; index++) stage.x.set('k', `value ${index}`);
      stage.pass(50);
      stage.expect(stage.y.get('j'), 'one', 20);
      for (const vote of votes) stage.release(vote);
      stage.until('all are answered', 10_000, () => stage.x.openCount === 0);
      stage.check(
        'all are written',
        stage.x.calls.every(({ result }) => result?.kind === 'applied'),
      );
    },
  },
];
