/**
 * Rules broken on purpose. The simulator is good only if it notices: each of these must be found by some seed within
 * its bound.
 */
import type { Mutation } from '@ostraca/core';
import { type RunReport, runSimulation } from './simulation.ts';

export interface Mutant {
  readonly name: Mutation;
  /** The rule of docs/internals/replication.md that it breaks. */
  readonly breaks: string;
  /** Seeds until it counts as surviving. */
  readonly seedsMax: number;
  /** Found fast enough to be looked for with the tests. */
  readonly isRequired: boolean;
}

export const MUTANTS: readonly Mutant[] = [
  { name: 'dropEpochCheck', breaks: 'messages of an older epoch are refused', seedsMax: 300, isRequired: true },
  {
    name: 'evictNotConfirmed',
    breaks: 'an evictee counts until the catalog confirmed (E1)',
    seedsMax: 300,
    isRequired: true,
  },
  { name: 'readWithoutLease', breaks: 'a primary reads under a lease only (L1)', seedsMax: 400, isRequired: false },
  { name: 'decideBelowMin', breaks: 'nothing is decided below minSyncReplicas (D1)', seedsMax: 400, isRequired: false },
  {
    name: 'noFreeze',
    breaks: 'nothing is decided while an eviction is pending (E1)',
    seedsMax: 1_000,
    isRequired: false,
  },
  {
    name: 'abortIgnoresEligible',
    breaks: '"rolled back" is said only when no eligible replica could commit it (A1)',
    seedsMax: 1_000,
    isRequired: false,
  },
  {
    name: 'noCompletionRecords',
    breaks: 'a checkpoint carries completion records (exactly once)',
    seedsMax: 1_000,
    isRequired: false,
  },
  {
    name: 'handOverReadsOn',
    breaks: 'a primary that asked for its successor reads no more',
    seedsMax: 1_000,
    isRequired: false,
  },
];

/** Runs seeds from `firstSeed` on; the first report with a violation, or undefined: the mutant survived. */
export function huntMutant(
  mutant: Mutant,
  firstSeed: number,
  onRun: (report: RunReport) => void = () => {},
): RunReport | undefined {
  for (let index = 0; index < mutant.seedsMax; index++) {
    const report = runSimulation({ seed: firstSeed + index, mutations: new Set([mutant.name]) });
    onRun(report);
    if (report.violations.length > 0) return report;
  }
  return undefined;
}
