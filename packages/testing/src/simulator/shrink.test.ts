import { must } from '@ostraca/core';
import { describe, expect, it } from 'vitest';
import type { Violation } from '../checkers/history.ts';
import type { Decisions } from './decisions.ts';
import { type Fault, faultSchema } from './fault.ts';
import type { RunReport } from './run-report.ts';
import { shrink } from './shrink.ts';
import { runSimulation } from './simulation.ts';

const whole = runSimulation({ seed: 1 });

const fault = (values: Partial<Fault>): Fault => faultSchema.parse({ kind: 'crash', atMs: 0, ...values });

function listOf(faults: readonly Fault[]): Decisions {
  return { ...whole.decisions, faults: [...faults] };
}

/** Stands for the simulator: says by a rule of its own what a list breaks. */
function shrinkBy(start: Decisions, brokenBy: (list: Decisions) => string | undefined, runsMax = 1_000) {
  const asked: Decisions[] = [];
  const reportOf = (decisions: Decisions): RunReport => {
    const rule = brokenBy(decisions);
    const violations: Violation[] = rule === undefined ? [] : [{ rule, what: 'broken' }];
    return { ...whole, decisions, violations, chaosRanMs: decisions.scenario.chaosMs };
  };
  const run = (decisions: Decisions): RunReport => {
    asked.push(decisions);
    return reportOf(decisions);
  };
  const steps: string[] = [];
  const report = shrink({
    ...{ report: reportOf(start), rule: 'I-ACK', runsMax, run },
    accepts: () => true,
    onStep: (line) => steps.push(line),
  });
  return { list: report.decisions, asked, steps };
}

const crashes = Array.from({ length: 40 }, (_, index) =>
  fault({ atMs: 100 * index, lastingMs: 400 + index, targets: [`c${(index % 5) + 1}`] }),
);

describe('shrink', () => {
  it('leaves only what is needed, and that as short as it may be', () => {
    const needs = (lasting: number) => (list: Decisions) =>
      list.faults.some(({ lastingMs }) => lastingMs > lasting && lastingMs < 440) ? 'I-ACK' : undefined;
    const { list, steps } = shrinkBy(listOf(crashes), needs(199));
    expect(list.faults).toHaveLength(1);
    expect(must(list.faults[0], 'fault').lastingMs).toBeLessThan(300);
    expect(list.scenario).toMatchObject({ containerCount: 2, clientCount: 1, keyCount: 1, clockError: 0 });
    expect(list.scenario.mapSet.numberOfPartitions).toBe(1);
    expect(list.scenario.chaosMs).toBeLessThan(whole.decisions.scenario.chaosMs / 4);
    expect(steps[0]).toMatch(/^shorter: .* runs\)$/);
  });

  it('does not take a list that breaks another rule', () => {
    const { list } = shrinkBy(listOf(crashes), ({ faults }) => (faults.length === 40 ? 'I-ACK' : 'I-LIN'));
    expect(list.faults).toHaveLength(40);
  });

  it('asks for no more runs than it may, and for none twice', () => {
    const { asked } = shrinkBy(listOf(crashes), ({ faults }) => (faults.length > 3 ? 'I-ACK' : undefined), 50);
    expect(asked).toHaveLength(50);
    expect(new Set(asked.map((one) => JSON.stringify(one))).size).toBe(50);
  });

  it('names those behind a container that is left out anew', () => {
    const faults = [
      fault({
        targets: ['c4'],
        sides: [
          ['c4', 'client1'],
          ['c1', 'catalog'],
        ],
      }),
    ];
    const names = ({ faults: [first] }: Decisions) => first?.targets.join();
    // The one that crashes may have any name, if it is there at all.
    const { list } = shrinkBy(listOf(faults), (one) => (names(one) ? 'I-ACK' : undefined));
    expect(list.scenario.containerCount).toBe(2);
    const [first] = list.faults;
    expect(['c1', 'c2']).toContain(first?.targets[0]);
    expect(first?.sides[0]).toEqual([first?.targets[0], 'client1']);
  });
});
