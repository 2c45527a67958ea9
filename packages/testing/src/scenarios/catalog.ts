/** The catalog dies, forgets, or is not heard. */
import type { Script } from './script.ts';
import { PAIR_AND_SPARE, TRIO } from './topologies.ts';

const REBUILT_EPOCH = 2 ** 20;

export const CATALOG: readonly Script[] = [
  {
    name: 'the answer to an eviction is lost together with the catalog',
    rows: [9],
    breaks: 'I-CFG, I-LIVE',
    stage: TRIO,
    play: (stage) => {
      const { p, r } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.stop(r);
      const answer = stage.hold({ from: 'catalog', to: p, type: 'configPush' });
      const write = stage.x.set('k', 'two');
      stage.until('r is evicted', 1_000, () => answer.isOnItsWay && stage.config.sync.length === 2);
      stage.lose('catalog', p);
      stage.crash('catalog');
      stage.release(answer);
      stage.pass(500);
      stage.restart('catalog');
      stage.expect(write, 'applied');
      stage.check('it is the same eviction', stage.config.epoch === 1 && stage.config.sync.length === 2);
    },
  },
  {
    name: 'a lost journal is not rebuilt from a deposed primary alone',
    rows: [10, 62, 69],
    breaks: 'I-LIN, I-EPOCH',
    stage: TRIO,
    mutants: { rebuildUnanswered: 'I-ACK' },
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.part([p, 'x']);
      stage.expect(stage.y.set('k', 'two'), 'applied');
      stage.stop(q, r);
      stage.cluster.loseCatalog();
      // Nothing that was sent to p meanwhile gets there.
      for (const name of ['catalog', q, r]) stage.lose(p, name);
      stage.join();
      stage.cut(p, q);
      stage.cut(p, r);
      stage.restart('catalog');
      stage.until('the catalog knows p', 5_000, () => stage.process(p).machine?.status().registered === true);
      stage.pass(4_000);
      const read = stage.x.get('k');
      stage.pass(1_000);
      stage.join();
      stage.continue(q, r);
      stage.expect(read, 'two');
      stage.until('the partition is the catalog’s again', 10_000, () => stage.configs.length === 1);
      stage.check('its epoch is above every one before', stage.config.epoch > REBUILT_EPOCH);
    },
  },
  {
    name: 'a whole grid is restarted, and what is empty begins in an epoch of its own',
    rows: [10, 28],
    breaks: 'I-EPOCH',
    stage: { ...PAIR_AND_SPARE, onInSyncLoss: 'startEmpty' },
    play: (stage) => {
      const { p, q, spare } = stage.roles();
      const { epoch, lineage } = stage.config;
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.crash(p, q, spare, 'catalog');
      stage.restart('catalog', p, q, spare);
      stage.insist(stage.y, 'k', 'two', 30_000);
      stage.check('it is another history', stage.config.epoch > epoch && stage.config.lineage !== lineage);
    },
  },
  {
    name: 'a successor dies in the moment in which it is named',
    rows: [28],
    breaks: 'I-EPOCH, I-ACK',
    stage: TRIO,
    play: (stage) => {
      const { p, q } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.drain(p);
      stage.untilEpoch(2);
      stage.check('q is named', stage.config.primary.container === q);
      stage.crash(q);
      stage.expect(stage.y.get('k'), 'one');
      stage.check('another epoch was needed', stage.config.epoch > 2);
    },
  },
  {
    name: 'a catalog decides, and dies before it is on the disk',
    rows: [64],
    breaks: 'I-EPOCH',
    stage: TRIO,
    play: (stage) => {
      const { p } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      for (let round = 0; round < 3; round++) {
        stage.cluster.journal.fsyncMs = 300;
        const { epoch, primary } = stage.config;
        stage.stop(primary.container);
        stage.untilEpoch(epoch + 1, 5_000);
        stage.crash('catalog');
        stage.cluster.journal.fsyncMs = 2;
        stage.restart('catalog');
        stage.insist(stage.y, 'k', `round ${round}`);
        stage.continue(primary.container);
        stage.until('all are in', 10_000, () => stage.config.sync.length === 3);
      }
      stage.check('p was primary', p !== '');
    },
  },
  {
    name: 'a replica dies while the catalog is down',
    rows: [73],
    breaks: 'I-LIVE',
    stage: TRIO,
    play: (stage) => {
      const { q } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.crash('catalog');
      stage.pass(1_000);
      stage.expect(stage.x.set('k', 'two'), 'applied', 100);
      stage.expect(stage.x.get('k'), 'two', 100);
      stage.stop(q);
      const write = stage.x.set('k', 'three');
      stage.pass(1_000);
      stage.expectOpen(write);
      stage.restart('catalog');
      stage.expect(write, 'applied');
    },
  },
  {
    name: 'two live processes under one name',
    rows: [71],
    breaks: 'I-EPOCH, I-LEASE',
    stage: TRIO,
    play: (stage) => {
      const { p } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.stop(p);
      const second = stage.startSecond(p);
      stage.pass(400);
      stage.check('the name is in use while a lease runs', second.machine?.status().registered === false);
      stage.expect(stage.y.set('k', 'two'), 'applied');
      stage.until('then it is let in', 2_000, () => second.machine?.status().registered === true);
      stage.continue(p);
      const read = stage.x.get('k');
      stage.pass(1_000);
      stage.check('the first is not', stage.process(p).machine?.status().registered === false);
      stage.expect(read, 'two');
      second.crash();
    },
  },
];
