/** Entries that end: nobody sees one again whom anybody saw ended. */
import type { Message } from '@ostraca/core';
import type { Script } from './script.ts';
import { TRIO } from './topologies.ts';

const HOUR_MS = 3_600_000;

export const EXPIRY: readonly Script[] = [
  {
    name: 'a successor with a clock an hour behind does not bring back what has ended',
    rows: [25, 39, 48],
    breaks: 'I-TTL',
    stage: TRIO,
    mutants: { expireByOwnClock: 'I-TTL' },
    play: (stage) => {
      const { p, q, r } = stage.roles();
      for (const name of [q, r]) stage.process(name).jumpWall(-HOUR_MS);
      stage.expect(stage.x.set('ttl-k', 'one~800'), 'applied');
      // The removal never leaves p.
      stage.pass(700);
      for (const name of [q, r]) stage.hold({ from: p, to: name, type: 'append', where: removes });
      stage.pass(250);
      stage.expect(stage.x.get('ttl-k'), 'absent', 50);
      stage.crash(p);
      stage.expect(stage.y.get('ttl-k'), 'absent');
    },
  },
  {
    name: 'a clock that is set an hour ahead ends nothing, on a replica and on the one that it becomes',
    rows: [26, 72],
    breaks: 'I-TTL',
    stage: TRIO,
    mutants: { expireByOwnClock: 'I-ACK' },
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('ttl-k', 'one~30000'), 'applied');
      for (const name of [p, q, r]) stage.process(name).jumpWall(HOUR_MS);
      stage.pass(1_000);
      stage.expect(stage.y.get('ttl-k'), 'one~30000');
      stage.expect(stage.y.get('ttl-k', { maxStalenessMs: 100 }), 'one~30000');
      stage.crash(p);
      stage.expect(stage.y.set('j', 'two'), 'applied');
      stage.pass(1_000);
      stage.expect(stage.y.get('ttl-k'), 'one~30000');
      stage.expect(stage.y.delete('ttl-k'), 'applied');
    },
  },
  {
    name: 'a primary whose ceiling is not decided lets nothing end',
    rows: [25, 47],
    breaks: 'I-TTL',
    stage: TRIO,
    mutants: { judgeBeyondCeiling: 'I-TTL' },
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('ttl-k', 'one~1600'), 'applied');
      stage.pass(400);
      stage.cut(p, q);
      stage.cut(p, r);
      stage.pass(1_500);
      const read = stage.x.get('ttl-k');
      stage.pass(50);
      stage.crash(p);
      stage.expect(stage.y.get('ttl-k'), 'one~1600');
      stage.expect(read, 'one~1600');
    },
  },
  {
    name: 'the removal of what has ended spares what was written in its place',
    rows: [5],
    breaks: 'I-ACK',
    stage: TRIO,
    mutants: { expireAnyVersion: 'I-ACK' },
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('ttl-k', 'one~600'), 'applied');
      stage.pass(590);
      const votes = [q, r].map((name) => stage.hold({ from: name, to: p, type: 'vote' }));
      const write = stage.x.set('ttl-k', 'two~5000');
      stage.pass(170);
      stage.expectOpen(write);
      for (const vote of votes) stage.release(vote);
      stage.expect(write, 'applied');
      stage.pass(300);
      stage.expect(stage.y.get('ttl-k'), 'two~5000');
    },
  },
  {
    name: 'who reads what has ended waits for a renewal that found it before',
    rows: [26],
    breaks: 'I-TTL',
    stage: TRIO,
    mutants: { readBeforeRenewal: 'I-TTL' },
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('ttl-k', 'one~600'), 'applied');
      stage.pass(580);
      const votes = [q, r].map((name) => stage.hold({ from: name, to: p, type: 'vote' }));
      const write = stage.x.update('ttl-k', 'two~5000');
      stage.pass(165);
      const read = stage.y.get('ttl-k');
      stage.pass(10);
      for (const vote of votes) stage.release(vote);
      stage.expect(write, 'applied');
      stage.expect(read, 'two~5000');
    },
  },
  {
    name: 'a primary hands over while everything ends at once',
    rows: [27],
    breaks: 'I-LIVE',
    stage: { ...TRIO, ttlMs: 500 },
    play: (stage) => {
      const { p } = stage.roles();
      for (let index = 0; index < 200; index++) stage.x.set(`ttl-${index}`, `value ${index}`);
      stage.until('all is written', 5_000, () => stage.x.openCount === 0);
      stage.pass(450);
      stage.drain(p);
      stage.untilEpoch(2, 3_000);
      stage.expect(stage.y.get('ttl-7'), 'absent');
    },
  },
];

function removes(message: Message): boolean {
  return message.type === 'append' && message.records.some(({ kind }) => kind === 'expire');
}
