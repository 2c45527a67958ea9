import type { Mutation } from '@ostraca/core';
import { describe, expect, it } from 'vitest';
import { type Decisions, formatKept, type KeptList, parseKept } from './decisions.ts';
import { OPERATION_KINDS } from './omissions.ts';
import type { RunReport } from './run-report.ts';
import type { FaultKind } from './scenario.ts';
import { runSimulation } from './simulation.ts';

const SEEDS_MAX = 100;

/** The first seed that finds this mutant: these are found soon. */
function find(mutant: Mutation, extraFaults: readonly FaultKind[]): RunReport {
  for (let seed = 7_000; seed < 7_000 + SEEDS_MAX; seed++) {
    const report = runSimulation({ seed, extraFaults, mutations: new Set([mutant]) });
    if (report.violations.length > 0) return report;
  }
  throw new Error(`${mutant} survived ${SEEDS_MAX} seeds`);
}

function replay(decisions: Decisions, mutant?: Mutation): RunReport {
  return runSimulation({ seed: 0, decisions, mutations: new Set(mutant === undefined ? [] : [mutant]) });
}

/** By way of the file, as it is kept. */
function written(decisions: Decisions): Decisions {
  return parseKept(formatKept({ why: 'a test', rule: 'I-ACK', decisions }), []).decisions;
}

describe('a decision list', () => {
  it.each([1, 2, 3])('of the healthy seed %i makes the same run', (seed) => {
    const first = runSimulation({ seed });
    const second = replay(written(first.decisions));
    expect(second).toEqual({ ...first, seed: 0, scenario: second.scenario });
    expect(second.traceHash).toBe(first.traceHash);
    expect(first.decisions.faults.length).toBeGreaterThan(0);
  });

  it.each([
    ['evictNotConfirmed', []],
    ['decideBelowMin', []],
    ['noSuspendGuard', ['suspend']],
  ] as const)('of a seed that finds %s shows the same violations', (mutant, extraFaults) => {
    const first = find(mutant, extraFaults);
    const second = replay(written(first.decisions), mutant);
    expect(second.violations).toEqual(first.violations);
    expect(second.traceHash).toBe(first.traceHash);
  });

  it('makes another run when a fault is left out, with the others as they were', () => {
    const { decisions, traceHash } = runSimulation({ seed: 1 });
    const [first, ...rest] = decisions.faults;
    const report = replay({ ...decisions, faults: rest });
    expect(report.traceHash).not.toBe(traceHash);
    expect(first).toBeDefined();
    // Some of them may not be possible now; none is another one.
    for (const fault of report.decisions.faults) expect(rest).toContainEqual(fault);
  });

  it('leaves out callers, kinds of calls, and calls outside of a time', () => {
    const { decisions, commitCount } = runSimulation({ seed: 1 });
    const commits = (omissions: Partial<Decisions['omissions']>): number =>
      replay({ ...decisions, omissions: { ...decisions.omissions, ...omissions } }).commitCount;
    const probes = commits({ operations: [...OPERATION_KINDS] });
    expect(probes).toBeLessThan(commitCount / 10);
    expect(commits({ afterMs: 0 })).toBe(probes);
    expect(commits({ beforeMs: 1_000_000 })).toBe(probes);
    const some = commits({ callers: ['client1.1', 'client1.2'] });
    expect(some).toBeLessThan(commitCount);
    expect(some).toBeGreaterThan(probes);
  });
});

describe('the file of a decision list', () => {
  const { decisions } = runSimulation({ seed: 1 });
  const kept: KeptList = { why: 'a write was lost', rule: 'I-ACK', mutant: 'noFreeze', decisions };

  it('says again what was written, with what is left out', () => {
    expect(parseKept(formatKept(kept), ['noFreeze'])).toEqual(kept);
    const omissions = { ...decisions.omissions, callers: ['client1.1'], afterMs: 1_000 };
    const none = { ...kept, decisions: { ...decisions, omissions, faults: [] } };
    expect(parseKept(formatKept(none), ['noFreeze'])).toEqual(none);
  });

  it('is refused with a field that is wrong, and with a mutant that there is not', () => {
    expect(() => parseKept(formatKept(kept), ['noGrantWait'])).toThrow('no mutant noFreeze');
    const text = formatKept(kept);
    expect(() => parseKept(text.replace('"why"', '"because"'), ['noFreeze'])).toThrow('because');
    expect(() => parseKept(text.replace(/"containerCount": \d+/, '"containerCount": 0'), ['noFreeze'])).toThrow(
      'containerCount',
    );
    expect(() => parseKept(text.replace(/"kind":"[a-zA-Z]+"/, '"kind":"flood"'), ['noFreeze'])).toThrow('kind');
  });
});
