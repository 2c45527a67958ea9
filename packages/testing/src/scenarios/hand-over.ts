/** Planned changes of primary: nobody acts twice, and nobody is left without a primary. */
import type { Script } from './script.ts';
import { QUARTET, TRIO } from './topologies.ts';

export const HAND_OVER: readonly Script[] = [
  {
    name: 'a primary that asked for its successor tells nobody any more how fresh a copy is',
    rows: [7],
    breaks: 'I-LIN',
    stage: QUARTET,
    mutants: { handOverReadsOn: 'I-LEASE' },
    play: (stage) => {
      const { p, q, r, s } = stage.roles();
      stage.forget('x', q);
      stage.forget('x', r);
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.expect(stage.x.get('k', { maxStalenessMs: 0 }), 'one');
      stage.deafen('catalog', p);
      stage.drain(p);
      stage.until('the successor is named', 300, () => stage.config.epoch === 2);
      stage.part([p, s, 'x']);
      // The successor evicts those who are silent, and decides without them, while p's lease still holds.
      stage.expect(stage.y.set('k', 'two'), 'applied', 400);
      const read = stage.x.get('k', { maxStalenessMs: 0 });
      stage.pass(100);
      stage.join();
      stage.expect(read, 'two');
    },
  },
  {
    name: 'neither the old primary nor the new one takes a request while the news is on its way',
    rows: [8],
    breaks: 'I-LIVE',
    stage: TRIO,
    play: (stage) => {
      const { p, q } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      const news = stage.hold({ from: 'catalog', to: q, type: 'configPush' });
      stage.drain(p);
      stage.untilEpoch(2);
      stage.check('q is named', stage.config.primary.container === q && news.isOnItsWay);
      const before = stage.requestCount;
      const write = stage.x.set('k', 'two');
      const read = stage.y.get('k');
      stage.pass(500);
      stage.expectOpen(write);
      stage.check('few requests were sent', stage.requestCount - before < 20);
      stage.release(news);
      stage.expect(write, 'applied', 500);
      stage.until('the read has ended', 500, () => read.result !== undefined);
    },
  },
  {
    name: 'two containers leave one after the other, while replicas move',
    rows: [37],
    breaks: 'I-ACK',
    stage: { containers: 4, minSync: 1, maxSync: 1 },
    play: (stage) => {
      stage.expect(stage.x.set('k', 'one'), 'applied');
      for (let round = 0; round < 2; round++) {
        const leaving = stage.config.primary.container;
        const news = stage.config.sync.map(({ container }) =>
          stage.hold({ from: 'catalog', to: container, type: 'configPush' }),
        );
        stage.drain(leaving);
        stage.pass(200);
        for (const hold of news) stage.release(hold);
        stage.until('it has left', 15_000, () => stage.process(leaving).machine?.status().left === true);
        stage.crash(leaving);
        stage.insist(stage.y, `k${round}`, `round ${round}`);
      }
      stage.expect(stage.y.get('k'), 'one');
    },
  },
  {
    name: 'a release comes late, when its primary has long gone on',
    rows: [71],
    breaks: 'I-LEASE',
    stage: TRIO,
    play: (stage) => {
      const { p, r } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.crash(r);
      stage.until('r is evicted', 2_000, () => stage.config.sync.length === 2);
      stage.pass(100);
      const release = stage.hold({ from: p, to: 'catalog', type: 'handOver' });
      stage.drain(p);
      stage.until('it asks', 500, () => release.isOnItsWay);
      const { epoch, version } = stage.config;
      const waiting = stage.x.get('k');
      stage.pass(100);
      stage.expectOpen(waiting);
      // A replica is to come: a newer configuration of the same epoch.
      stage.restart(r);
      stage.until('there is another configuration', 2_000, () => stage.config.version > version);
      stage.expect(waiting, 'one', 500);
      stage.expect(stage.x.get('k'), 'one', 50);
      stage.release(release);
      stage.pass(10);
      stage.check('it counts for nothing', stage.config.epoch === epoch);
      stage.expect(stage.x.set('k', 'two'), 'applied');
    },
  },
];
