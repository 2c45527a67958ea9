/** Planned changes of primary: nobody acts twice, and nobody is left without a primary. */
import type { Script } from './script.ts';

export const HAND_OVER: readonly Script[] = [
  {
    name: 'a primary that asked for its successor tells nobody any more how fresh a copy is',
    rows: [7],
    breaks: 'I-LIN',
    stage: { containers: 4, minSync: 1, maxSync: 3 },
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
];
