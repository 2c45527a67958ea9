/**
 * Rules of leases broken on purpose, one at a time. Those that the simulator can break too have the same names there
 * (`Mutation` in packages/core/src/shard/ports.ts); the others stand here only.
 */
import type { Bounds } from './bounds.ts';

export interface LeaseMutant {
  readonly name: LeaseMutantName;
  /** The rule that it leaves out, by its name in docs/internals/replication.md. */
  readonly rule: string;
  /** What it needs beyond the default bounds, or less, so that it is found sooner. */
  readonly bounds: Partial<Bounds>;
}

const RULES = {
  readWithoutLease: ['L1', 'a primary reads under a lease only'],
  oneGrantIsEnough: ['L1', 'without the catalog it reads under promises of all of S+'],
  candidateUnasked: ['L1', 'the member that is being added promises too'],
  grantsDespiteEligible: ['L1', 'promises count only while nobody is eligible'],
  countFromReceipt: ['L1', 'a holder counts its lease from when it asked'],
  freshWithoutLease: ['L1', 'a primary tells how fresh a replica is only while it may read'],
  noSuspendGuard: ['L1', 'who holds a lease notices that the machine slept'],
  oldEchoAccepted: ['L1', 'an answer to a question from before the sleep renews nothing'],
  noLeaseWait: ['L2', 'a promotion waits until the lease of the old primary has run out'],
  noGrantWait: ['L2', 'a new primary waits out its promises to the old one'],
  noOlderGrantWait: ['L2', 'who follows a primary that is gone waits out what it promised before'],
  addBeforeGrantsEnd: ['E3', 'nobody is added while promises to an older primary run'],
  noStartWait: ['K1', 'a catalog that starts waits out what the one before granted'],
  ackAfterPromotion: ['K3', 'no lease is renewed of a partition that is taken away'],
  handOverReadsOn: ['hand-over', 'a primary that asked for its successor reads no more'],
  oldReleaseHonoured: ['hand-over', 'a release counts for its own configuration only'],
  readIndexAlone: ['readIndex', 'a read without a lease asks everybody who could have been promoted'],
} as const satisfies Record<string, readonly [string, string]>;

export type LeaseMutantName = keyof typeof RULES;
/** Which rules are broken: all false but at most one. */
export type LeaseBroken = Readonly<Record<LeaseMutantName, boolean>>;

const NO_FAULTS: Partial<Bounds> = { crashes: 0, restarts: 0 };

const NEEDS: Partial<Record<LeaseMutantName, Partial<Bounds>>> = {
  // While the rules hold, a machine that sleeps does nothing that one that is merely stopped could not do.
  noSuspendGuard: { ...NO_FAULTS, promotions: 1, changes: 0, sleeps: 1 },
  oldEchoAccepted: { ...NO_FAULTS, promotions: 1, changes: 0, sleeps: 1 },
  // Somebody is eligible only below the minimum, and then somebody else must have been added.
  grantsDespiteEligible: { ...NO_FAULTS, minSync: 2 },
  noOlderGrantWait: { changes: 1, restarts: 0 },
  addBeforeGrantsEnd: { ...NO_FAULTS, changes: 1 },
  oldReleaseHonoured: { ...NO_FAULTS, changes: 1, promotions: 1 },
};

export const LEASE_MUTANTS: readonly LeaseMutant[] = (Object.keys(RULES) as LeaseMutantName[]).map((name) => ({
  name,
  rule: `${RULES[name][0]}: ${RULES[name][1]}`,
  bounds: NEEDS[name] ?? {},
}));

export function breaking(name?: LeaseMutantName): LeaseBroken {
  const entries = LEASE_MUTANTS.map((mutant) => [mutant.name, mutant.name === name]);
  return Object.fromEntries(entries) as unknown as LeaseBroken;
}
