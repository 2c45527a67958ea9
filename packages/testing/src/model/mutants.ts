/**
 * Rules broken on purpose, one at a time. A checker that finds nothing proves something only if it finds these: each must
 * die, by the shortest trace that there is, within its bounds.
 */
import type { Bounds } from './bounds.ts';

export interface Mutant {
  readonly name: MutantName;
  /** The rule that it leaves out, by its name in docs/internals/replication.md. */
  readonly rule: string;
  /** What it needs beyond the default bounds, or less, so that it is found sooner. */
  readonly bounds: Partial<Bounds>;
}

const RULES = {
  noFreeze: ['E1', 'nothing is decided while an eviction is pending'],
  noKeep: ['P1', 'a primary from ELR cuts its log to keepLsn'],
  commitBelowMin: ['D1', 'inherited records, too, are decided only at minSyncReplicas'],
  abortNoAcks: ['A1', 'a rollback is answered when all of S+ hold the abort record'],
  evictNotConfirmed: ['E1', 'the evicted member counts until the catalog confirmed'],
  expandLate: ['E3', 'a member being added counts before the catalog confirmed'],
  noInc: ['E3', 'votes and members are of one life of a process'],
  staleELR: ['E3', 'ELR is cleared when S is back at minSyncReplicas'],
  abortInherited: ['N1', 'a new primary aborts nothing that it inherited'],
  abortIgnoreELR: ['A1', 'below minSyncReplicas no ELR member may hold the record'],
  keepDec: ['E2', 'keepLsn covers start, abort records and answers, not only decided'],
  addDec: ['E3', 'added only when it holds the whole log'],
  keepNoAbortRec: ['E2', 'keepLsn covers abort records of decided aborts'],
  retryNoSession: ['A2', 'a retry looks into the session table first'],
  retrySession: ['A2', 'a retry is refused only when S+ is reconciled and every keepLsn known'],
  phBug: ['E3', 'no member is added with a placeholder in its log'],
  keepNoAnswered: ['E2', 'keepLsn covers abort records of answered rollbacks'],
  forgetKeep: ['P1', 'a primary from ELR that may never have cut goes back with its keepLsn'],
} as const satisfies Record<string, readonly [string, string]>;

export type MutantName = keyof typeof RULES;
/** Which rules are broken: all false but at most one. */
export type Broken = Readonly<Record<MutantName, boolean>>;

const NEEDS: Partial<Record<MutantName, Partial<Bounds>>> = {
  phBug: { refusals: 1 },
  // Two transactions in one log, and one eviction between their rollbacks. Crashes and retries play no part.
  keepNoAnswered: { retries: 0, crashes: 0, changes: 3, promotions: 3 },
  // Three promotions, of which the second is never made use of.
  forgetKeep: { transactions: 1, retries: 0, crashes: 0, changes: 3, promotions: 3 },
};

export const MUTANTS: readonly Mutant[] = (Object.keys(RULES) as MutantName[]).map((name) => ({
  name,
  rule: `${RULES[name][0]}: ${RULES[name][1]}`,
  bounds: NEEDS[name] ?? {},
}));

export function breaking(name?: MutantName): Broken {
  return Object.fromEntries(MUTANTS.map((mutant) => [mutant.name, mutant.name === name])) as unknown as Broken;
}
