import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Summary } from './campaign.ts';
import { allCells, NOTES } from './coverage-cells.ts';
import { COVERAGE_REASONS } from './coverage-reasons.ts';
import { describeCoverage, describeVerdict, isComplete, judgeCoverage, type Reason } from './coverage-table.ts';
import { RECEIVERS } from './roles.ts';
import { FAULT_KINDS } from './scenario.ts';
import { runSimulation } from './simulation.ts';

const CELLS = allCells();
const FULL = Object.fromEntries(CELLS.map((cell) => [cell, 1]));
const CELL = 'role: sync replica / vote';

/** All sources of a package, without its tests. */
function sourcesOf(name: string): string[] {
  const folder = fileURLToPath(new URL(`../../../${name}/src/`, import.meta.url));
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.includes('.test'))
    .map((file) => readFileSync(`${folder}/${file}`, 'utf8'));
}

describe('coverage', () => {
  it('has a row for every message type', () => {
    const contract = ['data-messages.ts', 'replication-messages.ts', 'control-messages.ts'].map((file) =>
      readFileSync(fileURLToPath(new URL(`../../../core/src/${file}`, import.meta.url)), 'utf8'),
    );
    const types = contract.flatMap((text) => [...text.matchAll(/readonly type: '(\w+)'/g)].map((match) => match[1]));
    expect(types.length).toBeGreaterThan(40);
    expect(Object.keys(RECEIVERS).sort()).toEqual(types.sort());
    for (const type of types) expect(CELLS.some((cell) => cell.endsWith(` / ${type}`))).toBe(true);
  });

  it('has a row for every kind of fault', () => {
    for (const kind of FAULT_KINDS) expect(CELLS).toContain(`fault: ${kind}`);
  });

  it('has a row for every event that core and client note', () => {
    const patterns = [/event: '([a-z_]+)'/g, /note\('([a-z_]+)'/g, /note\('(?:debug|info|warn|error)', '([a-z_]+)'/g];
    const texts = [...sourcesOf('core'), ...sourcesOf('client')];
    const events = new Set<string>();
    for (const text of texts) {
      for (const pattern of patterns) {
        for (const [, event = ''] of text.matchAll(pattern)) {
          if (!['debug', 'info', 'warn', 'error'].includes(event)) events.add(event);
        }
      }
    }
    expect(events.size).toBeGreaterThan(30);
    const known: readonly string[] = Object.values(NOTES).flat();
    expect([...events].filter((event) => !known.includes(event))).toEqual([]);
  });

  it('fails on an empty cell that nobody gives a reason for', () => {
    const counts = { ...FULL, [CELL]: 0 };
    const verdict = judgeCoverage(counts, []);
    expect(verdict.unexplained).toEqual([CELL]);
    expect(isComplete(verdict)).toBe(false);
    expect(describeVerdict(verdict).join('\n')).toContain(CELL);
    expect(describeCoverage(counts, []).join('\n')).toContain('?');
    const reason: Reason = { cells: [CELL], kind: 'never', why: 'nobody votes at a replica' };
    expect(isComplete(judgeCoverage(counts, [reason]))).toBe(true);
  });

  it('fails on a reason that is not true', () => {
    const never: Reason = { cells: [CELL], kind: 'never', why: 'it was thought so' };
    expect(judgeCoverage(FULL, [never]).untrue).toEqual([CELL]);
    expect(isComplete(judgeCoverage(FULL, [never]))).toBe(false);
    expect(isComplete(judgeCoverage(FULL, [{ ...never, kind: 'rare' }]))).toBe(true);
  });

  it('fails on what no table lists', () => {
    const counts = { ...FULL, 'reason: changeRejected / it is late': 1 };
    expect(judgeCoverage(counts, []).unlisted).toEqual(['reason: changeRejected / it is late']);
    expect(isComplete(judgeCoverage(counts, []))).toBe(false);
  });

  it('gives one reason to a cell, and only to cells that there are', () => {
    const explained = COVERAGE_REASONS.flatMap(({ cells }) => cells);
    expect(explained.filter((cell) => !CELLS.includes(cell))).toEqual([]);
    expect(explained.filter((cell, index) => explained.indexOf(cell) !== index)).toEqual([]);
  });

  it('sums up runs, and changes none of them', () => {
    const report = runSimulation({ seed: 3, coverage: true });
    const plain = runSimulation({ seed: 3 });
    expect(plain.traceHash).toBe(report.traceHash);
    expect(plain.coverage).toBeUndefined();
    expect(report.coverage?.['role: primary / write']).toBeGreaterThan(10);
    const summary = new Summary();
    summary.add(report);
    summary.add(report);
    expect(summary.coverage['role: primary / write']).toBe(2 * (report.coverage?.['role: primary / write'] ?? 0));
    expect(judgeCoverage(report.coverage ?? {}, []).unlisted).toEqual([]);
  });
});
