/** What a client keeps near itself: an answer of its own must not outlive what its primary says. */
import type { Message } from '@ostraca/core';
import type { Script } from './script.ts';
import type { Stage } from './stage.ts';
import { NEAR, outcomeOf, type StageClient } from './stage-client.ts';
import { PAIR_AND_SPARE, TRIO } from './topologies.ts';

/** Read twice, so that the second time nobody is asked. */
function keepNear(stage: Stage, client: StageClient, key: string, value: string): void {
  stage.expect(client.near(key), value);
  stage.until('its primary has vouched for what is near', 1_000, () => isNear(stage, client, key));
  stage.expect(client.near(key), value);
}

function isNear(stage: Stage, client: StageClient, key: string): boolean {
  const before = stage.requestCount;
  const call = client.near(key);
  const isHit = stage.requestCount === before && outcomeOf(call) !== 'open';
  stage.pass(5);
  return isHit;
}

const grantsLease =
  (epoch: number) =>
  (message: Message): boolean =>
    message.type === 'heartbeatAck' && message.leases.some((lease) => lease.epoch === epoch);

export const NEAR_CACHE: readonly Script[] = [
  {
    name: 'what somebody else writes reaches a near cache, each time',
    rows: [40],
    breaks: 'I-NEAR',
    stage: PAIR_AND_SPARE,
    mutants: { nearSkipsChange: 'I-ACK' },
    play: (stage) => {
      stage.expect(stage.x.set('k', 'zero'), 'applied');
      keepNear(stage, stage.x, 'k', 'zero');
      for (const value of ['one', 'two', 'three', 'four', 'five']) {
        stage.expect(stage.y.set('k', value), 'applied');
        stage.pass(20);
        const soon = stage.x.near('k');
        stage.pass(2 * NEAR.maxStaleMs);
        stage.expect(stage.x.near('k'), value);
        stage.expect(soon, value);
      }
      stage.expect(stage.y.delete('k'), 'applied');
      stage.pass(20);
      stage.expect(stage.x.near('k'), 'absent');
      // Its own writes at once.
      stage.expect(stage.x.set('k', 'six'), 'applied');
      stage.expect(stage.x.near('k'), 'six');
    },
  },
  {
    name: 'a near cache that was cut off hears what it missed, and keeps the rest',
    rows: [40],
    breaks: 'I-NEAR',
    stage: PAIR_AND_SPARE,
    play: (stage) => {
      const { p } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.expect(stage.x.set('j', 'same'), 'applied');
      keepNear(stage, stage.x, 'k', 'one');
      keepNear(stage, stage.x, 'j', 'same');
      stage.forget('x', p);
      stage.expect(stage.y.set('k', 'two'), 'applied');
      stage.pass(2 * NEAR.maxStaleMs);
      const read = stage.x.near('k');
      stage.expectOpen(read);
      stage.join();
      stage.expect(read, 'two');
      stage.pass(NEAR.maxStaleMs);
      stage.check('the other entry is near still', isNear(stage, stage.x, 'j'));
    },
  },
  {
    name: 'what the log can tell no more leaves a gap, and a near cache begins anew',
    rows: [40],
    breaks: 'I-NEAR',
    stage: { ...PAIR_AND_SPARE, logRetentionBytes: 0 },
    mutants: { nearIgnoresGap: 'I-ACK' },
    play: (stage) => {
      const { p } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      keepNear(stage, stage.x, 'k', 'one');
      stage.forget('x', p);
      for (let index = 0; index < 5; index++) stage.expect(stage.y.set('k', `two ${index}`), 'applied');
      // The last handshake that was begun fails first.
      stage.join();
      stage.until('they have a connection again', 8_000, () => stage.network.areConnected('x', p));
      stage.pass(NEAR.maxStaleMs);
      stage.expect(stage.x.near('k'), 'two 4');
    },
  },
  {
    name: 'a near cache goes on with a new primary, from where it was',
    rows: [40],
    breaks: 'I-NEAR',
    stage: TRIO,
    play: (stage) => {
      const { p } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      stage.expect(stage.x.set('j', 'same'), 'applied');
      keepNear(stage, stage.x, 'k', 'one');
      keepNear(stage, stage.x, 'j', 'same');
      stage.crash(p);
      stage.untilEpoch(2);
      stage.expect(stage.y.set('k', 'two'), 'applied');
      stage.pass(2 * NEAR.maxStaleMs);
      stage.expect(stage.x.near('k'), 'two');
      stage.check('the other entry is near still', isNear(stage, stage.x, 'j'));
    },
  },
  {
    name: 'a primary that is cut off with its clients vouches for nothing that they keep near',
    rows: [40],
    breaks: 'I-NEAR',
    stage: TRIO,
    mutants: { freshWithoutLease: 'I-ACK' },
    play: (stage) => {
      const { p } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      keepNear(stage, stage.x, 'k', 'one');
      stage.part([p, 'x']);
      stage.expect(stage.y.set('k', 'two'), 'applied');
      stage.pass(NEAR.maxStaleMs + 50);
      const read = stage.x.near('k');
      stage.pass(300);
      stage.expectOpen(read);
      stage.join();
      stage.expect(read, 'two');
    },
  },
  {
    name: 'what a client has seen at a replica it does not find older near itself',
    rows: [40],
    breaks: 'I-NEAR',
    stage: TRIO,
    mutants: { nearIgnoresToken: 'I-NEAR' },
    play: (stage) => {
      const { p } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      keepNear(stage, stage.x, 'k', 'one');
      const word = stage.hold({ from: p, to: 'x', type: 'nearChanges' });
      stage.expect(stage.y.set('k', 'two'), 'applied');
      stage.pass(10);
      stage.expect(stage.x.get('k', 'eventual'), 'two');
      const read = stage.x.near('k');
      stage.pass(20);
      stage.expectOpen(read);
      stage.release(word);
      stage.expect(read, 'two');
    },
  },
  {
    name: 'an answer that was on its way while its key changed is not kept near',
    rows: [40],
    breaks: 'I-NEAR',
    stage: TRIO,
    mutants: { nearFillsLate: 'I-ACK' },
    play: (stage) => {
      const { p } = stage.roles();
      stage.expect(stage.x.set('k', 'one'), 'applied');
      keepNear(stage, stage.x, 'j', 'absent');
      const answer = stage.hold({ from: p, to: 'x', type: 'readAnswer' });
      const read = stage.x.near('k');
      stage.until('the answer is on its way', 100, () => answer.isOnItsWay);
      // The next primary may decide, and not read: neither its lease comes nor a promise.
      const others = ['c1', 'c2', 'c3'].filter((name) => name !== p);
      const held = others.map((to) => stage.hold({ from: 'catalog', to, type: 'heartbeatAck', where: grantsLease(2) }));
      for (const name of [...others, 'catalog', 'y']) stage.cut(p, name);
      stage.untilEpoch(2);
      stage.expect(stage.y.set('k', 'two'), 'applied');
      for (const from of others)
        for (const to of others) if (from !== to) held.push(stage.hold({ from, to, type: 'leasePing' }));
      // x asks it what changed, and is told.
      stage.pass(50);
      stage.expectOpen(read);
      stage.release(answer);
      stage.expect(read, 'one');
      for (const hold of held) stage.release(hold);
      stage.pass(2 * NEAR.maxStaleMs);
      stage.expect(stage.x.near('k'), 'two');
    },
  },
];
