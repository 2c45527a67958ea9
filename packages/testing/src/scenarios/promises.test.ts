import { describe, expect, it } from 'vitest';
import { EVENTS, type Event, type Fate, play, SETTINGS, type Setting } from './promises.ts';
import { Stage } from './stage.ts';
import { outcomeOf, type Wish } from './stage-client.ts';

/** The table of docs/promises.md. */
const FATES: Record<Event, Record<Setting, Fate>> = {
  'one container dies': fates('lost kept lost kept kept kept'),
  'two die at once': fates('lost lost lost lost kept kept'),
  'two die in turn, copies replaced between': fates('lost kept lost kept kept kept'),
  'the network parts': fates('kept kept kept kept kept kept'),
  'the catalog dies': fates('kept kept kept kept kept kept'),
  'the catalog and its journal are destroyed': fates('kept kept kept kept kept kept'),
  'every container dies': fates('lost lost lost lost lost lost'),
};

function fates(line: string): Record<Setting, Fate> {
  const words = line.split(' ');
  return Object.fromEntries(Object.keys(SETTINGS).map((name, index) => [name, words[index]])) as Record<Setting, Fate>;
}

describe('acknowledged writes', () => {
  for (const [event, bySetting] of Object.entries(FATES)) {
    describe(event, () => {
      for (const [setting, fate] of Object.entries(bySetting)) {
        it(`${setting}: ${fate}`, () => {
          const played = play(SETTINGS[setting as Setting], EVENTS[event as Event]);
          expect(played).toEqual({ fate, violations: [] });
        });
      }
    });
  }

  it('minSyncReplicas 0: what a primary acknowledged alone dies with it', () => {
    const stage = new Stage(SETTINGS['minSyncReplicas 0, maxSyncReplicas 1']);
    stage.form();
    const { p, q, spare } = stage.roles();
    stage.stop(spare);
    stage.crash(q);
    stage.expect(stage.x.set('alone', 'one'), 'applied');
    stage.check('nobody else has it', stage.config.sync.length === 1);
    stage.crash(p);
    stage.continue(spare);
    stage.restart(p, q);
    stage.expect(stage.y.get('alone', 'linearizable', { timeoutMs: 5_000 }), 'timeout');
    expect(stage.config.lost).toBe(true);
    expect(stage.end()).toEqual([]);
  });

  it('promoteAsync: what the asynchronous replica had not applied is gone, and the loss is noted', () => {
    const stage = new Stage({ containers: 3, minSync: 0, maxSync: 0, maxAsync: 1, onInSyncLoss: 'promoteAsync' });
    stage.form();
    const { p, async } = stage.roles();
    stage.expect(stage.x.set('early', 'one'), 'applied');
    stage.until('the replica has it', 5_000, () => stage.shard(async)?.decidedLsn === stage.shard(p)?.decidedLsn);
    const { lineage } = stage.config;
    stage.forget(p, async);
    stage.expect(stage.x.set('late', 'two'), 'applied');
    stage.crash(p);
    stage.restart(p);
    stage.untilEpoch(2, 10_000);
    stage.join();
    stage.expect(stage.y.get('early', 'linearizable', { timeoutMs: 15_000 }), 'one');
    stage.expect(stage.y.get('late'), 'absent');
    expect(stage.config.lineage).not.toBe(lineage);
    expect(stage.end()).toEqual([]);
  });

  it('startEmpty: the partition begins anew, in another history', () => {
    const stage = new Stage({ containers: 3, minSync: 1, maxSync: 1, onInSyncLoss: 'startEmpty' });
    stage.form();
    const { p, q } = stage.roles();
    stage.expect(stage.x.set('k', 'one'), 'applied');
    const { lineage } = stage.config;
    stage.crash(p, q);
    stage.restart(p, q);
    stage.expect(stage.y.get('k', 'linearizable', { timeoutMs: 15_000 }), 'absent');
    expect(stage.config.lineage).not.toBe(lineage);
    expect(stage.end()).toEqual([]);
  });
});

/** By read mode: what x is told, who is at the deposed primary's side of a cut, after y has written `new` at the other. */
describe('reads beside a deposed primary', () => {
  const MODES: [Wish, string][] = [
    ['linearizable', 'waits'],
    ['readIndex', 'waits'],
    [{ maxStalenessMs: 100 }, 'waits'],
    ['session', 'waits'],
    ['eventual', 'old'],
  ];
  it.each(MODES)('%j: %s', (wish, expected) => {
    const stage = new Stage({ containers: 3, minSync: 1, maxSync: 2 });
    stage.form();
    const { p } = stage.roles();
    stage.expect(stage.x.set('k', 'old'), 'applied');
    stage.part([p, 'x']);
    stage.expect(stage.y.set('k', 'new'), 'applied');
    const read = stage.x.get('k', wish, { timeoutMs: 60_000 });
    stage.pass(2_000);
    expect(outcomeOf(read)).toBe(expected === 'waits' ? 'open' : expected);
    stage.join();
    stage.expect(read, expected === 'waits' ? 'new' : expected);
    expect(stage.end()).toEqual([]);
  });
});

describe('reads and writes while the catalog is away', () => {
  const MODES: Wish[] = ['linearizable', 'readIndex', { maxStalenessMs: 100 }, 'session', 'eventual'];
  it.each(MODES)('%j: answered at once', (wish) => {
    const stage = new Stage({ containers: 3, minSync: 1, maxSync: 1 });
    stage.form();
    stage.crash('catalog');
    stage.pass(5 * stage.leaseMs);
    stage.expect(stage.x.set('k', 'one'), 'applied', 100);
    // An eventual read may be answered by a replica, which hears of the decision with the next message.
    stage.pass(100);
    stage.expect(stage.x.get('k', wish), 'one', 200);
    expect(stage.end()).toEqual([]);
  });

  it('one copy alone stops with its lease, and goes on when the catalog is back', () => {
    const stage = new Stage({ containers: 2, minSync: 0, maxSync: 0 });
    stage.form();
    stage.expect(stage.x.set('k', 'one'), 'applied');
    stage.crash('catalog');
    stage.pass(2 * stage.leaseMs);
    const read = stage.x.get('k');
    stage.pass(1_000);
    stage.expectOpen(read);
    stage.restart('catalog');
    stage.expect(read, 'one');
    expect(stage.end()).toEqual([]);
  });
});
