import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Deadlines, type Due } from './deadlines.ts';

interface Element extends Due<Element> {}

// The oracle: a list that is looked through whole.
test('what is due is taken once, never early and at most a step late', () => {
  const action = fc.oneof(
    fc.record({ addMs: fc.nat(500) }),
    fc.record({ passMs: fc.nat(300) }),
    fc.record({ deleteAt: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const deadlines = new Deadlines<Element>();
      let nowMs = 100;
      let waiting: Element[] = [];
      for (const each of actions) {
        if ('addMs' in each) {
          const dueMs = nowMs + each.addMs;
          const element: Element = { dueMs, dueStep: undefined, dueBefore: undefined, dueAfter: undefined };
          deadlines.add(element);
          waiting.push(element);
        } else if ('deleteAt' in each) {
          const element = waiting[each.deleteAt];
          if (element !== undefined) deadlines.delete(element);
          waiting = waiting.filter((other) => other !== element);
        } else {
          nowMs += each.passMs;
          const due = deadlines.takeDue(nowMs);
          for (const element of due) {
            expect(element.dueMs).toBeLessThanOrEqual(nowMs);
            expect(waiting).toContain(element);
          }
          waiting = waiting.filter((element) => !due.includes(element));
          for (const { dueMs } of waiting) expect(dueMs).toBeGreaterThan(nowMs - 8);
        }
      }
    }),
    { numRuns: 500 },
  );
});
