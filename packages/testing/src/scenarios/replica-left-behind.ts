/** Replicas that are silent, leave or come: each counts as long as somebody may promote it. */
import type { Script } from './script.ts';
import { PAIR_AND_SPARE, TRIO } from './topologies.ts';

export const REPLICA_LEFT_BEHIND: readonly Script[] = [
  {
    name: 'a silent replica counts until the catalog has let it go',
    rows: [1, 16],
    breaks: 'I-ACK',
    stage: TRIO,
    mutants: { evictNotConfirmed: 'I-ACK' },
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.cut(p, q);
      const question = stage.hold({ from: p, to: 'catalog', type: 'changeInSync' });
      stage.x.set('k', 'two');
      stage.until('the eviction is asked for', 500, () => question.isOnItsWay);
      stage.pass(50);
      // The catalog has not heard that q is to go, and promotes it.
      stage.crash(p, r);
      stage.restart(p, r);
      stage.insist(stage.y, 'j', 'three');
    },
  },
  {
    name: 'nothing is decided while an eviction is open, or the replica would cut too much',
    rows: [1, 65],
    breaks: 'I-ACK',
    stage: PAIR_AND_SPARE,
    mutants: { noFreeze: 'assertion' },
    play: (stage) => {
      const { p, q } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.stop(q);
      stage.x.set('k', 'two');
      const question = stage.hold({ from: p, to: 'catalog', type: 'changeInSync' });
      stage.until('the eviction is asked for', 2_000, () => question.isOnItsWay);
      // It was only paused, and holds the write.
      stage.continue(q);
      // Long enough to tell the catalog that it reaches p again: else p would go instead of q.
      stage.pass(300);
      stage.release(question);
      stage.until('q is evicted', 500, () => stage.config.elr.length === 1);
      stage.crash(p);
      stage.untilEpoch(2);
      stage.restart(p);
      stage.insist(stage.y, 'j', 'three');
    },
  },
  {
    name: 'nothing is acknowledged below the minimum',
    rows: [24, 35],
    breaks: 'I-ACK, I-MIN',
    stage: PAIR_AND_SPARE,
    mutants: { decideBelowMin: 'I-AGREE' },
    play: (stage) => {
      const { p, q, spare } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.stop(spare);
      stage.stop(q);
      const write = stage.x.set('k', 'two');
      stage.pass(5);
      // It lies in the socket of q; that it is rolled back does not get there.
      stage.deafen(p, q);
      stage.until('q is evicted', 2_000, () => stage.config.elr.length === 1);
      stage.pass(50);
      stage.crash(p);
      stage.continue(q, spare);
      stage.until('q is promoted', 3_000, () => stage.config.primary.container === q);
      stage.insist(stage.y, 'j', 'three');
      stage.expect(write, 'replication_voted_to_rollback');
    },
  },
  {
    name: 'a replica that is being added counts before the primary hears that it is in',
    rows: [16],
    breaks: 'I-ACK',
    stage: TRIO,
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.crash(r);
      stage.until('r is evicted', 2_000, () => stage.config.sync.length === 2);
      const news = stage.hold({
        ...{ from: 'catalog', to: p, type: 'configPush' },
        where: (message) => message.type === 'configPush' && message.configs.some(({ sync }) => sync.length === 3),
      });
      stage.restart(r);
      stage.until('r is in', 3_000, () => news.isOnItsWay);
      stage.cut(p, r);
      const write = stage.x.set('k', 'two');
      stage.pass(300);
      stage.expectOpen(write);
      stage.crash(p, q);
      stage.until('r is promoted', 2_000, () => stage.config.primary.container === r);
      stage.restart(p, q);
      stage.expect(write, 'applied');
    },
  },
  {
    name: 'an addition that comes late, for a life that has ended, adds nobody',
    rows: [17, 18, 62],
    breaks: 'I-ACK',
    stage: TRIO,
    play: (stage) => {
      const { p, r } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.crash(r);
      stage.until('r is evicted', 2_000, () => stage.config.sync.length === 2);
      const question = stage.hold({
        ...{ from: p, to: 'catalog', type: 'changeInSync' },
        where: (message) => message.type === 'changeInSync' && message.kind === 'add',
      });
      stage.restart(r);
      stage.until('its addition is asked for', 3_000, () => question.isOnItsWay);
      const { incarnation } = stage.process(r).peer;
      stage.crash(r);
      stage.restart(r);
      stage.until('its next life is known', 3_000, () => stage.process(r).machine?.status().registered === true);
      stage.release(question);
      stage.pass(20);
      stage.check('the life that ended is not in', !stage.config.sync.some((rid) => rid.incarnation === incarnation));
      stage.until('its next life joins as another', 3_000, () => stage.config.sync.length === 3);
    },
  },
  {
    name: 'many configurations that come at once make nobody drop what it has',
    rows: [12],
    breaks: 'I-ACK',
    stage: TRIO,
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      const news = stage.hold({ from: 'catalog', to: q, type: 'configPush' });
      for (let round = 0; round < 3; round++) {
        stage.stop(r);
        stage.expect(stage.x.set(`k${round}`, `round ${round}`), 'applied');
        stage.check('r is evicted', stage.config.sync.length === 2);
        stage.continue(r);
        stage.until('r is back', 5_000, () => stage.config.sync.length === 3);
      }
      stage.check('q has missed all of it', (stage.shard(q)?.config.version ?? 0) < stage.config.version);
      stage.crash(p);
      stage.release(news);
      stage.crash(r);
      stage.restart(p, r);
      stage.expect(stage.y.get('k2'), 'round 2');
    },
  },
  {
    name: 'a joiner dies in the middle of its checkpoint, and then the primary',
    rows: [36, 58],
    breaks: 'I-ACK',
    stage: { ...TRIO, logRetentionBytes: 0 },
    play: (stage) => {
      const { p, r } = stage.roles();
      const writes = Array.from({ length: 40 }, (_, index) => stage.x.set(`k${index}`, `value ${index}`));
      for (const write of writes) stage.expect(write, 'applied');
      stage.crash(r);
      stage.until('r is evicted', 2_000, () => stage.config.sync.length === 2);
      stage.pass(200);
      for (const dies of [r, p]) {
        const chunk = stage.hold({ from: p, to: r, type: 'checkpointChunk' });
        stage.restart(r);
        stage.until('its checkpoint is on its way', 3_000, () => chunk.isOnItsWay);
        stage.crash(dies);
        stage.release(chunk);
      }
      stage.until('another is promoted', 2_000, () => stage.config.epoch === 2);
      stage.expect(stage.y.get('k39'), 'value 39');
    },
  },
  {
    name: 'a checkpoint takes longer than a lease, and keys are deleted and written again all the while',
    rows: [5, 58, 69],
    breaks: 'I-AGREE, I-LIVE',
    stage: { ...TRIO, logRetentionBytes: 0 },
    play: (stage) => {
      const { p, r } = stage.roles();
      for (let index = 0; index < 40; index++) stage.x.set(`k${index}`, `value ${index}`);
      stage.until('all is written', 5_000, () => stage.x.openCount === 0);
      stage.crash(r);
      stage.until('r is evicted', 2_000, () => stage.config.sync.length === 2);
      stage.pass(200);
      const end = stage.hold({ from: p, to: r, type: 'checkpointEnd' });
      stage.restart(r);
      stage.until('its checkpoint is on its way', 3_000, () => end.isOnItsWay);
      for (let index = 0; index < 40; index++) {
        stage.expect(stage.x.delete(`k${index}`), 'applied');
        if (index % 2 === 0) stage.expect(stage.x.set(`k${index}`, `again ${index}`), 'applied');
      }
      stage.pass(1_000);
      stage.release(end);
      stage.until('r is in', 5_000, () => stage.config.sync.length === 3);
      stage.crash(p);
      stage.expect(stage.y.get('k1'), 'absent');
      stage.expect(stage.y.get('k2'), 'again 2');
    },
  },
  {
    name: 'each of two replicas alone has everything',
    rows: [38],
    breaks: 'I-ACK',
    stage: TRIO,
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.crash(p, q);
      stage.until('r is promoted', 2_000, () => stage.config.primary.container === r);
      stage.restart(p, q);
      stage.expect(stage.y.get('k'), 'one');
    },
  },
  {
    name: 'one crash after the other, with copies replaced between them',
    rows: [32],
    breaks: 'I-ACK',
    stage: PAIR_AND_SPARE,
    play: (stage) => {
      const values: string[] = [];
      for (let round = 0; round < 4; round++) {
        values.push(stage.insist(stage.x, `k${round}`, `round ${round}`));
        const { primary } = stage.config;
        stage.crash(primary.container);
        stage.until('two copies are there again', 10_000, () => {
          const { sync } = stage.config;
          return sync.length === 2 && !sync.some(({ incarnation }) => incarnation === primary.incarnation);
        });
        stage.restart(primary.container);
      }
      for (const [round, value] of values.entries()) stage.expect(stage.y.get(`k${round}`), value);
    },
  },
  {
    name: 'a replica that refused a write comes back only with all of it',
    rows: [70],
    breaks: 'I-ACK',
    stage: TRIO,
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.refuse(r);
      stage.expect(stage.x.set('k', 'two'), 'applied');
      stage.check('r is evicted', stage.config.sync.length === 2);
      stage.refuse(r, false);
      stage.until('r is back', 5_000, () => stage.config.sync.length === 3);
      stage.crash(p, q);
      stage.until('r is promoted', 3_000, () => stage.config.primary.container === r);
      stage.restart(p, q);
      stage.expect(stage.y.get('k'), 'two');
    },
  },
];
