/** The checker checked: it visits a small space whole, kills mutants, and its reductions lose nothing. */
import { describe, expect, test } from 'vitest';
import { type Bounds, DEFAULT_BOUNDS } from './bounds.ts';
import { renamingOf } from './canonical.ts';
import { FingerprintSet } from './fingerprints.ts';
import { Folding } from './folding.ts';
import { MUTANTS, type MutantName } from './mutants.ts';
import { outcomeOf } from './properties.ts';
import { type Model, modelOf } from './rules.ts';
import { type SearchOptions, search } from './search.ts';
import { at, decidedAt, ROLLED_BACK, transactionAt } from './state.ts';
import { tell } from './trace.ts';

const SMALL: Bounds = { ...DEFAULT_BOUNDS, transactions: 1, crashes: 1, changes: 1, promotions: 2 };

describe('the rules as they are', () => {
  test.each<Partial<Bounds>>([
    {},
    { minSync: 2, promotions: 1 },
    { refusals: 1, retries: 0, promotions: 1 },
    { transactions: 2, promotions: 1, retries: 0, crashes: 0 },
  ])('hold in the whole space of %j', (bounds) => {
    const report = search(modelOf({ ...SMALL, ...bounds }));
    expect(report.violation).toBeUndefined();
    expect(report.isComplete).toBe(true);
    expect(report.states).toBeGreaterThan(1_000);
  });
});

describe('mutants', () => {
  test.each<[MutantName, number, RegExp]>([
    ['evictNotConfirmed', 5, /^I-ACK/],
    ['noInc', 5, /^I-ACK/],
    ['abortInherited', 5, /^I-ACK/],
    ['retryNoSession', 3, /^I-ABORT/],
    ['abortNoAcks', 6, /^I-ABORT/],
    ['keepDec', 7, /^P1/],
    ['forgetKeep', 12, /^I-ABORT/],
  ])('%s dies in %i steps', (name, steps, what) => {
    const mutant = MUTANTS.find((one) => one.name === name);
    const model = modelOf({ ...DEFAULT_BOUNDS, ...mutant?.bounds }, name);
    const { violation } = search(model);
    expect(violation?.what).toMatch(what);
    expect(violation?.path).toHaveLength(steps);
    expect(tell(model, violation?.path ?? [])).toHaveLength(steps);
  });
});

describe('reductions', () => {
  test('a state and its renamings have one fingerprint, and other states have others', () => {
    const model = modelOf(SMALL);
    const renaming = renamingOf(model.layout);
    const folding = new Folding(renaming);
    const image = new Uint8Array(model.layout.bytes);
    const orders = [
      [1, 0, 2],
      [2, 1, 0],
      [1, 2, 0],
    ];
    let compared = 0;
    search(model, {
      statesMax: 5_000,
      onState: (state) => {
        const own = fingerprintOf(folding, state);
        for (const order of orders) {
          renaming.permute(state, order, image);
          if (fingerprintOf(folding, image) !== own) expect.fail(`order ${order.join()} of state ${compared} differs`);
        }
        compared++;
      },
    });
    expect(compared).toBeGreaterThan(5_000);
  });

  test('folded and unfolded spaces have the same outcomes', () => {
    const model = modelOf({ ...SMALL, promotions: 1 });
    const folded = outcomesOf(model);
    const plain = outcomesOf(model, { foldsReplicas: false });
    expect(plain.outcomes).toEqual(folded.outcomes);
    expect(plain.states).toBeGreaterThan(1.5 * folded.states);
  });

  test('changes of the in-sync set in one step and in three have the same outcomes', () => {
    const bounds = { ...SMALL, retries: 0, changes: 2, promotions: 1 };
    const oneStep = outcomesOf(modelOf(bounds, undefined, true));
    const threeSteps = outcomesOf(modelOf(bounds, undefined, false));
    expect(threeSteps.outcomes).toEqual(oneStep.outcomes);
    expect(threeSteps.states).toBeGreaterThan(oneStep.states);
  });
});

test('a fingerprint is found again after the set has grown', () => {
  const set = new FingerprintSet();
  const fingerprints = Array.from({ length: 100_000 }, (_, index) => ({
    high: Math.imul(index, 0x9e3779b1) >>> 0,
    low: Math.imul(index >>> 1, 0x85ebca6b) >>> 0,
  }));
  expect(fingerprints.filter((fingerprint) => set.add(fingerprint))).toHaveLength(fingerprints.length);
  expect(fingerprints.filter((fingerprint) => set.add(fingerprint))).toHaveLength(0);
  expect(set.size).toBe(fingerprints.length);
});

function fingerprintOf(folding: Folding, state: Uint8Array): string {
  const fingerprint = { high: 0, low: 0 };
  folding.folded(state, fingerprint);
  return `${fingerprint.high}:${fingerprint.low}`;
}

/** What clients and other replicas can come to see: decisions by lsn, and rollbacks answered. */
function outcomesOf(
  model: Model,
  options: SearchOptions = {},
): { readonly outcomes: string[]; readonly states: number } {
  const { layout } = model;
  const outcomes = new Set<string>();
  const report = search(model, {
    ...options,
    onState: (state) => {
      let outcome = '';
      for (let lsn = 1; lsn <= layout.lsnMax; lsn++) {
        const entry = decidedAt(layout, lsn);
        outcome += `${at(state, entry)}/${outcomeOf(at(state, entry + 1))} `;
      }
      for (let transaction = 0; transaction < layout.transactions; transaction++) {
        outcome += at(state, transactionAt(layout, transaction) + ROLLED_BACK);
      }
      outcomes.add(outcome);
    },
  });
  expect(report.isComplete).toBe(true);
  return { outcomes: [...outcomes].sort(), states: report.states };
}
