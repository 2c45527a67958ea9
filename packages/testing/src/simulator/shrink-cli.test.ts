import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { must } from '@ostraca/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatKept } from './decisions.ts';
import { MUTANTS } from './mutants.ts';
import { readKept, replayFile, shrinkSeed } from './shrink-cli.ts';
import { runSimulation } from './simulation.ts';

const SEEDS_MAX = 100;
const mutant = must(
  MUTANTS.find(({ name }) => name === 'evictWithoutRecord'),
  'a mutant that is found soon',
);

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'shrink-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function newPrinter() {
  const lines: string[] = [];
  return { lines, print: (line: string) => void lines.push(line) };
}

describe('a failing seed', () => {
  it('becomes a smaller list in a file, which shows the same', () => {
    const isFinder = (seed: number): boolean =>
      runSimulation({ seed, mutations: new Set([mutant.name]) }).violations.length > 0;
    const seed = must(
      Array.from({ length: SEEDS_MAX }, (_, index) => 7_000 + index).find(isFinder),
      'a seed that finds it',
    );
    const outPath = join(folder, 'list.json');
    const { lines, print } = newPrinter();
    expect(shrinkSeed({ seed, mutant, extraFaults: [], runsMax: 6, outPath, print })).toBe(0);
    expect(lines.some((line) => line.includes('──►'))).toBe(true);
    const kept = readKept(outPath);
    const whole = runSimulation({ seed, mutations: new Set([mutant.name]) });
    expect(kept.rule).toBe(whole.violations[0]?.rule);
    expect(kept.decisions.scenario.chaosMs).toBeLessThan(whole.decisions.scenario.chaosMs);
    expect(replayFile({ path: outPath, mutant: undefined, trace: false, print })).toBe(0);
    // Another mutant does not show this: what the list is kept for is not there.
    const other = MUTANTS.find(({ name }) => name === 'tokenIgnored');
    expect(replayFile({ path: outPath, mutant: other, trace: false, print })).toBe(1);
  }, 180_000);

  it('is needed: one that breaks no rule cannot be shrunk', () => {
    const { lines, print } = newPrinter();
    const request = { seed: 1, mutant: undefined, extraFaults: [], runsMax: 5, outPath: undefined, print };
    expect(shrinkSeed(request)).toBe(1);
    expect(lines).toEqual(['seed 1 breaks no rule: there is nothing to shrink']);
  });
});

describe('a list without a mutant', () => {
  it('is replayed with success if it shows nothing', () => {
    const { decisions, traceHash } = runSimulation({ seed: 1 });
    const path = join(folder, 'healthy.json');
    writeFileSync(path, formatKept({ why: 'a test', rule: 'I-ACK', decisions }));
    const { lines, print } = newPrinter();
    expect(replayFile({ path, mutant: undefined, trace: false, print })).toBe(0);
    expect(lines.join('\n')).toContain(traceHash);
  });
});
