/** The model of leases checked: it visits small spaces whole, kills every mutant, and what it leaves out loses nothing. */
import { describe, expect, test } from 'vitest';
import { type SearchReport, searchSpace } from '../breadth-first.ts';
import { Folding } from '../folding.ts';
import { type Bounds, DEFAULT_BOUNDS } from './bounds.ts';
import { renamingOf } from './canonical.ts';
import { LEASE_MUTANTS, type LeaseMutantName } from './mutants.ts';
import { leaseModelOf } from './rules.ts';
import { leaseSpaceOf, searchLeases } from './search.ts';
import { ACTED, at } from './state.ts';
import { tellLeases } from './trace.ts';

const SMALL: Bounds = { ...DEFAULT_BOUNDS, promotions: 1, changes: 1, crashes: 0, restarts: 0 };

describe('the rules as they are', () => {
  test.each<Partial<Bounds>>([
    { promotions: 2, changes: 0, crashes: 1, restarts: 1 },
    { minSync: 0, restarts: 1 },
    { minSync: 2 },
    { sleeps: 1, changes: 0 },
    { lease: 6, changes: 0 },
  ])('hold in the whole space of %j', (bounds) => {
    const report = searchLeases(leaseModelOf({ ...SMALL, ...bounds }));
    expect(report.violation).toBeUndefined();
    expect(report.isComplete).toBe(true);
    expect(report.states).toBeGreaterThan(1_000);
  });
});

describe('mutants', () => {
  const deaths: readonly [LeaseMutantName, number][] = [
    ['readWithoutLease', 3],
    ['oneGrantIsEnough', 6],
    ['candidateUnasked', 6],
    ['grantsDespiteEligible', 8],
    ['countFromReceipt', 6],
    ['freshWithoutLease', 4],
    ['noSuspendGuard', 8],
    ['oldEchoAccepted', 8],
    ['noLeaseWait', 4],
    ['noGrantWait', 4],
    ['addBeforeGrantsEnd', 8],
    ['noStartWait', 5],
    ['ackAfterPromotion', 4],
    ['handOverReadsOn', 6],
    ['oldReleaseHonoured', 8],
    ['readIndexAlone', 4],
  ];

  test('each is here, but one that takes several seconds', () => {
    const names = LEASE_MUTANTS.map(({ name }) => name).filter((name) => name !== 'noOlderGrantWait');
    expect(deaths.map(([name]) => name)).toEqual(names);
  });

  test.each(deaths)('%s dies', (name, depth) => {
    const report = hunt(name);
    expect(report.violation?.what).toMatch(/^I-LEASE/);
    expect(report.depth).toBe(depth);
    const steps = tellLeases(modelOf(name), report.violation?.path ?? []);
    expect(steps).toHaveLength(depth + 1);
  });
});

describe('reductions', () => {
  test('a state and its renamings have one fingerprint', () => {
    const model = leaseModelOf(SMALL);
    const renaming = renamingOf(model.layout);
    const folding = new Folding(renaming);
    const image = new Uint8Array(model.layout.bytes);
    let compared = 0;
    searchLeases(model, {
      statesMax: 5_000,
      onState: (state) => {
        const own = fingerprintOf(folding, state);
        for (const order of [
          [1, 0, 2],
          [2, 1, 0],
          [1, 2, 0],
        ]) {
          renaming.permute(state, order, image);
          if (fingerprintOf(folding, image) !== own) expect.fail(`order ${order.join()} of state ${compared} differs`);
        }
        compared++;
      },
    });
    expect(compared).toBeGreaterThan(5_000);
  });

  test('folded and unfolded spaces reach the same epochs', () => {
    const model = leaseModelOf(SMALL);
    const reached = (foldsContainers: boolean): { readonly states: number; readonly acted: number[] } => {
      const acted = new Set<number>();
      const report = searchLeases(model, { foldsContainers, onState: (state) => acted.add(at(state, ACTED)) });
      expect(report.isComplete).toBe(true);
      return { states: report.states, acted: [...acted].sort() };
    };
    const [folded, plain] = [reached(true), reached(false)];
    expect(plain.acted).toEqual(folded.acted);
    expect(plain.states).toBeGreaterThan(folded.states);
  });

  // Each mutant's hole is another way to see a difference.
  test.each<LeaseMutantName>([
    'handOverReadsOn',
    'addBeforeGrantsEnd',
    'noStartWait',
    'oldReleaseHonoured',
    'countFromReceipt',
  ])('what is forgotten plays no part in the death of %s', (name) => {
    const space = leaseSpaceOf(modelOf(name));
    const remembering = searchSpace({ ...space, forget: () => {} });
    const forgetting = hunt(name);
    expect(remembering.violation?.path).toHaveLength(forgetting.violation?.path.length ?? 0);
    expect(remembering.states).toBeGreaterThan(forgetting.states);
  });
});

function modelOf(name: LeaseMutantName) {
  const bounds = LEASE_MUTANTS.find((mutant) => mutant.name === name)?.bounds;
  return leaseModelOf({ ...DEFAULT_BOUNDS, ...bounds }, name);
}

function hunt(name: LeaseMutantName): SearchReport {
  return searchLeases(modelOf(name));
}

function fingerprintOf(folding: Folding, state: Uint8Array): string {
  const fingerprint = { high: 0, low: 0 };
  folding.folded(state, fingerprint);
  return `${fingerprint.high}:${fingerprint.low}`;
}
