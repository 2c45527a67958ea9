import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SeqWindow } from './seq-window.ts';

const seq = fc.integer({ min: 1, max: 200 });
const action = fc.oneof(
  fc.record({ type: fc.constant('begin' as const), seq, lsn: fc.integer({ min: 1, max: 50 }) }),
  fc.record({ type: fc.constant('done' as const), seq, lsn: fc.integer({ min: 1, max: 50 }) }),
  fc.record({ type: fc.constant('end' as const), seq, lsn: fc.integer({ min: 1, max: 50 }) }),
  fc.record({ type: fc.constant('drop' as const), seq, lsn: fc.constant(0) }),
  fc.record({ type: fc.constant('forget' as const), seq, lsn: fc.constant(0) }),
);

// The oracle: a Map.
test('knows what a Map would, above its base', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
      const window = new SeqWindow();
      const known = new Map<number, { epoch: number; lsn: number }>();
      let base = 0;
      for (const { type, seq: at, lsn } of actions) {
        const held = known.get(at);
        if (type === 'begin') window.begin(at, lsn);
        if (type === 'done') window.done(at, 7, lsn);
        if ((type === 'begin' || type === 'done') && at >= base) known.set(at, { epoch: type === 'done' ? 7 : 0, lsn });
        if (type === 'end') {
          const isMeant = held?.epoch === 0 && held.lsn === lsn;
          expect(window.endProgress(at, lsn)).toBe(isMeant);
          if (isMeant) known.delete(at);
        }
        if (type === 'drop') {
          window.dropBelow(at);
          base = Math.max(base, at);
          for (const other of known.keys()) if (other < base) known.delete(other);
        }
        if (type === 'forget') {
          window.forgetProgress();
          for (const [other, { epoch }] of known) if (epoch === 0) known.delete(other);
        }
      }
      for (let each = 0; each <= 201; each++) {
        expect(window.lsnOf(each)).toBe(known.get(each)?.lsn ?? 0);
        expect(window.epochOf(each)).toBe(known.get(each)?.epoch ?? 0);
      }
      const decided = [...known].filter(([, { epoch }]) => epoch > 0);
      expect(window.doneCount).toBe(decided.length);
      expect(window.inProgressCount).toBe(known.size - decided.length);
      expect([...window.decided()].map((one) => one.seq)).toEqual(decided.map(([at]) => at).sort((a, b) => a - b));
    }),
    { numRuns: 300 },
  );
});
