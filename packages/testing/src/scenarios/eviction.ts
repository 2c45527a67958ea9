/** A map without room: what gives way does so for everybody. Keys that begin with `lim` lie in it; three of them fit. */
import type { Script } from './script.ts';
import type { Stage } from './stage.ts';
import { TRIO } from './topologies.ts';

const STAGE = { ...TRIO, limit: { maxBytes: 150, evict: 'LRU' } } as const;

export const EVICTION: readonly Script[] = [
  {
    name: 'what gave way stays away after a fail-over',
    rows: [69],
    breaks: 'I-ACK',
    stage: STAGE,
    mutants: { evictWithoutRecord: 'I-ACK' },
    play: (stage) => {
      const { p } = stage.roles();
      fill(stage);
      stage.expect(stage.x.set('lim-d', 'four'), 'applied');
      stage.expect(stage.y.get('lim-a'), 'absent');
      stage.crash(p);
      stage.expect(stage.y.get('lim-a'), 'absent');
      stage.expect(stage.y.get('lim-d'), 'four');
    },
  },
  {
    name: 'an update of an entry that is giving way waits, and finds it gone',
    rows: [69],
    breaks: 'I-LIN',
    stage: STAGE,
    mutants: { evictUnlocked: 'I-LIN' },
    play: (stage) => {
      const { p, q, r } = stage.roles();
      fill(stage);
      const votes = [q, r].map((name) => stage.hold({ from: name, to: p, type: 'vote' }));
      const write = stage.x.set('lim-d', 'four');
      stage.pass(5);
      const update = stage.y.update('lim-a', 'five');
      stage.pass(5);
      stage.expectOpen(update);
      for (const vote of votes) stage.release(vote);
      stage.expect(write, 'applied');
      stage.expect(update, 'absent');
      stage.expect(stage.x.get('lim-a'), 'absent');
    },
  },
];

function fill(stage: Stage): void {
  stage.expect(stage.x.set('lim-a', 'one'), 'applied');
  stage.expect(stage.x.set('lim-b', 'two'), 'applied');
  stage.expect(stage.x.set('lim-c', 'three'), 'applied');
}
