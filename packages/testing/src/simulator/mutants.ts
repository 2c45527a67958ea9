/**
 * Rules broken on purpose. The simulator is good only if it notices: each of these must be found by some seed within
 * its bound.
 */
import type { Mutation } from '@ostraca/core';
import type { LeaseMutantName } from '../model/leases/mutants.ts';
import type { MutantName } from '../model/mutants.ts';
import type { RunReport } from './run-report.ts';
import type { FaultKind } from './scenario.ts';

export interface Mutant {
  readonly name: Mutation;
  /** The rule of docs/internals/replication.md that it breaks. */
  readonly breaks: string;
  /** Seeds until it counts as surviving. */
  readonly seedsMax: number;
  /** A kept decision list (kept/) shows with the tests that it dies. */
  readonly isRequired: boolean;
  /** What must notice first, where several would. */
  readonly noticedBy?: string;
  /** On top of what each seed chooses: without these the hole is too rare. */
  readonly faults?: readonly FaultKind[];
  /** The model breaks the same rule under this name, and notices: for holes that are too rare for seeds. */
  readonly model?: LeaseMutantName | MutantName;
}

export const MUTANTS: readonly Mutant[] = [
  { name: 'dropEpochCheck', breaks: 'messages of an older epoch are refused', seedsMax: 300, isRequired: true },
  {
    name: 'evictNotConfirmed',
    breaks: 'an evictee counts until the catalog confirmed (E1)',
    seedsMax: 300,
    isRequired: true,
    model: 'evictNotConfirmed',
  },
  {
    name: 'readWithoutLease',
    breaks: 'a primary reads under a lease only (L1)',
    seedsMax: 400,
    isRequired: true,
    model: 'readWithoutLease',
  },
  {
    name: 'decideBelowMin',
    breaks: 'nothing is decided below minSyncReplicas (D1)',
    seedsMax: 400,
    isRequired: true,
    model: 'commitBelowMin',
  },
  {
    name: 'noFreeze',
    breaks: 'nothing is decided while an eviction is pending (E1)',
    seedsMax: 1_000,
    isRequired: true,
    model: 'noFreeze',
  },
  {
    name: 'abortIgnoresEligible',
    breaks: '"rolled back" is said only when no eligible replica could commit it (A1)',
    seedsMax: 1_000,
    isRequired: false,
    model: 'abortIgnoreELR',
  },
  {
    name: 'noCompletionRecords',
    breaks: 'a checkpoint carries completion records (exactly once)',
    seedsMax: 2_000,
    isRequired: false,
  },
  {
    name: 'resolveWithoutMarker',
    breaks: 'a write that is unknown to the sessions is rolled back by a record of the log (exactly once)',
    seedsMax: 300,
    isRequired: true,
  },
  {
    name: 'handOverReadsOn',
    breaks: 'a primary that asked for its successor reads no more',
    seedsMax: 1_000,
    isRequired: false,
    model: 'handOverReadsOn',
  },
  {
    name: 'noSuspendGuard',
    breaks: 'who holds a lease notices that the machine slept',
    seedsMax: 300,
    isRequired: true,
    faults: ['suspend'],
    model: 'noSuspendGuard',
  },
  {
    name: 'oldEchoAccepted',
    breaks: 'an answer to a question from before the sleep renews no lease',
    seedsMax: 500,
    isRequired: true,
    faults: ['suspend'],
    model: 'oldEchoAccepted',
  },
  {
    name: 'countFromReceipt',
    breaks: 'a holder counts its lease from when it asked',
    seedsMax: 500,
    isRequired: true,
    faults: ['depose', 'stall', 'stop', 'suspend', 'slowNetwork'],
    model: 'countFromReceipt',
  },
  {
    name: 'noGrantWait',
    breaks: 'a new primary waits out its promises to the old one (L2)',
    seedsMax: 500,
    isRequired: false,
    faults: ['grantsOnly'],
    model: 'noGrantWait',
  },
  {
    name: 'addBeforeGrantsEnd',
    breaks: 'nobody who has promised nothing is in sync while promises to an older primary run (E3, L2)',
    seedsMax: 2_000,
    isRequired: false,
    faults: ['grantsOnly', 'drain', 'flap'],
    model: 'addBeforeGrantsEnd',
  },
  {
    name: 'oneGrantIsEnough',
    breaks: 'without the catalog a primary reads under promises of all of S+ (L1)',
    seedsMax: 500,
    isRequired: true,
    faults: ['partition', 'depose'],
    model: 'oneGrantIsEnough',
  },
  {
    name: 'ackAfterPromotion',
    breaks: 'the catalog renews no lease of a partition that it takes away (K3)',
    seedsMax: 1_000,
    isRequired: false,
    faults: ['lateNews', 'depose'],
    model: 'ackAfterPromotion',
  },
  {
    name: 'noStartWait',
    breaks: 'a catalog that starts waits out what the one before granted (K1)',
    seedsMax: 1_000,
    isRequired: false,
    faults: ['depose', 'catalogCrash'],
    model: 'noStartWait',
  },
  {
    name: 'rebuildUnanswered',
    breaks: 'a lost journal is rebuilt from partitions whose members have all answered',
    seedsMax: 500,
    isRequired: false,
    faults: ['catalogLoss', 'isolate'],
  },
  {
    name: 'lossWithoutProof',
    breaks: 'a partition goes on with a loss only when its members are proved gone',
    seedsMax: 300,
    isRequired: true,
    faults: ['stop', 'isolate'],
  },
  {
    name: 'keepUndecidedTail',
    breaks: 'a copy that is promoted with a loss drops what is undecided',
    seedsMax: 1_000,
    isRequired: false,
    faults: ['lastCopy'],
  },
  {
    name: 'readIndexAlone',
    breaks: 'a read without a lease asks everybody who could have been promoted',
    seedsMax: 500,
    isRequired: false,
    faults: ['exile'],
    model: 'readIndexAlone',
  },
  {
    name: 'staleReplicaRead',
    breaks: 'a bounded read waits until the replica is fresh enough',
    seedsMax: 100,
    isRequired: true,
    faults: ['stall', 'depose'],
  },
  {
    name: 'freshWithoutLease',
    breaks: 'a primary tells how fresh a replica is only while it may read (L1)',
    seedsMax: 500,
    isRequired: false,
    faults: ['exile'],
    model: 'freshWithoutLease',
  },
  {
    name: 'tokenIgnored',
    breaks: 'a read in a session waits until its token is applied',
    seedsMax: 100,
    isRequired: true,
    faults: ['stall'],
  },
  {
    name: 'expireByOwnClock',
    breaks: 'the partition clock goes on from the highest ceiling of the log (I-TTL)',
    seedsMax: 300,
    isRequired: true,
    faults: ['wallJump'],
  },
  {
    name: 'judgeBeyondCeiling',
    breaks: 'entries are judged by a decided ceiling only (I-TTL)',
    seedsMax: 2_000,
    isRequired: false,
    faults: ['depose', 'stall', 'slowNetwork'],
  },
  {
    name: 'expireAnyVersion',
    breaks: 'only the very entry that was due is removed',
    seedsMax: 500,
    isRequired: false,
  },
  {
    name: 'readBeforeRenewal',
    breaks: 'a reader of an expired key waits for a write that found it',
    seedsMax: 500,
    isRequired: false,
    faults: ['slowNetwork', 'stall'],
  },
  {
    name: 'skipOneApply',
    breaks: 'replicas that applied the same records have the same state: the digest in the log tells',
    seedsMax: 20,
    isRequired: true,
    noticedBy: 'state digest',
  },
  {
    name: 'noReadmissionWait',
    breaks: 'who was evicted comes back later each time',
    seedsMax: 100,
    isRequired: true,
    noticedBy: 'flapping',
    faults: ['flap'],
  },
  {
    name: 'dirtyLeavesRemoved',
    breaks: 'a dirty round tells of keys that are there no more: the digest at its end tells',
    seedsMax: 300,
    isRequired: false,
    noticedBy: 'state digest',
    faults: ['slowReader'],
  },
  {
    name: 'nearSkipsChange',
    breaks: 'a near cache is told of every change (NC1)',
    seedsMax: 50,
    isRequired: false,
  },
  {
    name: 'nearIgnoresGap',
    breaks: 'after a gap a near cache serves nothing that it had before (NC4)',
    seedsMax: 2_000,
    isRequired: false,
    faults: ['cut', 'stall'],
  },
  {
    name: 'nearFillsLate',
    breaks: 'a near cache puts in no answer that is older than a change that it has heard of (NC7)',
    seedsMax: 2_000,
    isRequired: false,
    faults: ['lateAnswers'],
  },
  {
    name: 'nearIgnoresToken',
    breaks: 'a near cache serves nothing older than what its client has seen (NC6)',
    seedsMax: 2_000,
    isRequired: false,
    faults: ['lateWords'],
  },
  {
    name: 'evictWithoutRecord',
    breaks: 'what gives way is removed by a record',
    seedsMax: 20,
    isRequired: true,
  },
  {
    name: 'evictUnlocked',
    breaks: 'who found an entry that is being evicted waits for the outcome',
    seedsMax: 500,
    isRequired: false,
    faults: ['slowNetwork', 'stall'],
  },
  {
    name: 'readsUnchecked',
    breaks: 'a transaction commits only if what it has read is still so (T1)',
    seedsMax: 50,
    isRequired: false,
  },
  {
    name: 'validateLate',
    breaks: 'a commit waits for the outcome of records that concern what it has read (T1)',
    seedsMax: 100,
    isRequired: false,
  },
  {
    name: 'rangesUnchecked',
    breaks: 'a transaction commits only if the maps that it has gone through are as they were (T2)',
    seedsMax: 100,
    isRequired: false,
  },
  {
    name: 'freeLocksEarly',
    breaks: 'a transaction keeps its locks until its record is in the log (T3)',
    seedsMax: 100,
    isRequired: false,
  },
  {
    name: 'lockIgnoresPending',
    breaks: 'who reads under a lock waits for the outcome of records of the key (T4)',
    seedsMax: 100,
    isRequired: false,
  },
  {
    name: 'writesIgnoreLocks',
    breaks: 'writes outside of transactions respect locks (T5)',
    seedsMax: 100,
    isRequired: false,
  },
  {
    name: 'commitInAnyEpoch',
    breaks: 'a transaction ends with the epoch that it began in (T6)',
    seedsMax: 2_000,
    isRequired: false,
    faults: ['depose', 'drain'],
  },
];

/** Whether a run shows that the rule was broken, by whom it must be shown. */
export function isFound({ noticedBy }: Mutant, { violations: [first] }: RunReport): boolean {
  return first !== undefined && (noticedBy === undefined || noticedBy === first.rule);
}
