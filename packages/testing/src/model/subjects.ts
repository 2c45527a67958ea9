/** The two models as the command line sees them: bounds by name, mutants, a search and a way to tell a trace. */
import { assert } from '@ostraca/core';
import { type Bounds, checkBounds, DEFAULT_BOUNDS, describeBounds } from './bounds.ts';
import type { SearchLimits, SearchReport } from './breadth-first.ts';
import * as leaseBounds from './leases/bounds.ts';
import { LEASE_MUTANTS } from './leases/mutants.ts';
import { leaseModelOf } from './leases/rules.ts';
import { searchLeases } from './leases/search.ts';
import { tellLeases } from './leases/trace.ts';
import { MUTANTS } from './mutants.ts';
import { modelOf } from './rules.ts';
import { search } from './search.ts';
import { type TraceStep, tell } from './trace.ts';

type Numbers = Readonly<Record<string, number>>;

export interface SubjectMutant {
  readonly name: string;
  readonly rule: string;
  readonly bounds: Numbers;
}

export interface Run {
  readonly report: SearchReport;
  readonly bytes: number;
  /** In the words of the model. */
  readonly bounds: string;
  /** The violation's trace. */
  readonly trace: () => readonly TraceStep[];
}

export interface Subject {
  readonly name: 'leases' | 'commit';
  readonly about: string;
  /** By the names of their options. */
  readonly defaults: Numbers;
  readonly mutants: readonly SubjectMutant[];
  readonly check: (bounds: Numbers) => void;
  readonly run: (bounds: Numbers, mutant: string | undefined, limits: SearchLimits) => Run;
}

const COMMIT: Subject = {
  name: 'commit',
  about: 'commit, abort, eviction, addition, promotion and retry',
  defaults: optionsOf(DEFAULT_BOUNDS),
  mutants: MUTANTS.map((mutant) => ({ ...mutant, bounds: optionsOf(mutant.bounds) })),
  check: (bounds) => checkBounds(commitBounds(bounds)),
  run: (options, mutant, limits) => {
    const bounds = commitBounds(options);
    const model = modelOf(bounds, MUTANTS.find(({ name }) => name === mutant)?.name);
    const report = search(model, limits);
    const trace = (): TraceStep[] => tell(model, report.violation?.path ?? []);
    return { report, bytes: model.layout.bytes, bounds: describeBounds(bounds), trace };
  },
};

const LEASES: Subject = {
  name: 'leases',
  about: 'leases, promises and time',
  defaults: optionsOf(leaseBounds.DEFAULT_BOUNDS),
  mutants: LEASE_MUTANTS.map((mutant) => ({ ...mutant, bounds: optionsOf(mutant.bounds) })),
  check: (bounds) => leaseBounds.checkBounds(leasesBounds(bounds)),
  run: (options, mutant, limits) => {
    const bounds = leasesBounds(options);
    const model = leaseModelOf(bounds, LEASE_MUTANTS.find(({ name }) => name === mutant)?.name);
    const report = searchLeases(model, limits);
    const trace = (): TraceStep[] => tellLeases(model, report.violation?.path ?? []);
    return { report, bytes: model.layout.bytes, bounds: leaseBounds.describeBounds(bounds), trace };
  },
};

/** The quick one first. */
export const SUBJECTS: readonly Subject[] = [LEASES, COMMIT];

export interface ModelDeath {
  readonly model: Subject['name'];
  readonly report: SearchReport;
}

/** Searches the model that breaks this rule. */
export function deathInModel(mutant: string): ModelDeath {
  const subject = SUBJECTS.find(({ mutants }) => mutants.some(({ name }) => name === mutant));
  const found = subject?.mutants.find(({ name }) => name === mutant);
  assert(subject !== undefined && found !== undefined, 'one of the models has it');
  return { model: subject.name, report: subject.run(found.bounds, mutant, {}).report };
}

/** `minSync` is `--min`. */
function optionsOf(bounds: object): Numbers {
  const entries = Object.entries(bounds).map(([name, value]) => [name === 'minSync' ? 'min' : name, value as number]);
  return Object.fromEntries(entries) as Numbers;
}

function commitBounds(options: Numbers): Bounds {
  return fill(DEFAULT_BOUNDS, options);
}

function leasesBounds(options: Numbers): leaseBounds.Bounds {
  return fill(leaseBounds.DEFAULT_BOUNDS, options);
}

function fill<B extends object>(defaults: B, options: Numbers): B {
  const filled: Record<string, number> = { ...(defaults as Record<string, number>) };
  for (const [option, value] of Object.entries(options)) {
    const name = option === 'min' ? 'minSync' : option;
    assert(name in filled, 'each model is given its own bounds');
    filled[name] = value;
  }
  return filled as B;
}
