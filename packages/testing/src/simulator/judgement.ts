/** At the end of a run: whether what callers were told is true, each history by the checker that is for it. */
import { asPartitionId, type PartitionId } from '@ostraca/core';
import { type CounterFinal, checkCounters } from '../checkers/counters.ts';
import { History, type Violation } from '../checkers/history.ts';
import { erasOf, type Losses } from '../checkers/losses.ts';
import { checkRegisters } from '../checkers/registers.ts';
import { checkTtl } from '../checkers/ttl.ts';
import { checkConnections, checkWeakReads } from '../checkers/weak-reads.ts';
import { COUNTERS, FLEETING, type Scenario } from './scenario.ts';
import { ownTtlMsOf } from './wire-forms.ts';
import type { Workload } from './workload.ts';

export interface Evidence {
  readonly scenario: Scenario;
  readonly workload: Workload;
  /** Across a loss nothing holds. */
  readonly losses: Losses;
  readonly history: History;
  readonly fleetingHistory: History;
  readonly promotionsMs: ReadonlyMap<PartitionId, readonly number[]>;
}

export interface Judgement {
  readonly violations: readonly Violation[];
  readonly keyCount: number;
  /** Keys of which the witness proved nothing. */
  readonly searchedCount: number;
}

export function judge(evidence: Evidence): Judgement {
  const { history } = evidence;
  const lossesOf = (key: string): readonly number[] => lossesOfKey(evidence, key);
  const { violations, keyCount, searchedCount } = checkRegisters(history, lossesOf);
  const finals: CounterFinal[] = [];
  for (const [key, value] of finalValuesOf(history)) {
    if (key.startsWith(`${COUNTERS}/`) && lossesOf(key).length === 0) finals.push({ key, value });
  }
  const counted = new History();
  for (const operation of history.operations) if (lossesOf(operation.key).length === 0) counted.add(operation);
  return {
    violations: [
      ...violations,
      ...checkCounters(counted, finals),
      ...judgeFleeting(evidence),
      ...judgeWeakReads(evidence),
      ...judgeTransactions(evidence),
    ],
    keyCount,
    searchedCount,
  };
}

/** What the last reads of the checker found; undefined: absent. */
export function finalValuesOf(history: History): Map<string, string | undefined> {
  const finals = new Map<string, string | undefined>();
  for (const { process, key, action, result } of history.operations) {
    if (!process.startsWith('checker') || action.kind !== 'get' || result.kind !== 'observed') continue;
    finals.set(key, result.seen.kind === 'entry' ? result.seen.value : undefined);
  }
  return finals;
}

/** Strict serializability, of each partition by itself: nothing is promised beyond one. */
function judgeTransactions({ scenario, workload, losses }: Evidence): Violation[] {
  const all = [...(workload.transactions?.violations ?? [])];
  for (let index = 0; index < scenario.mapSet.numberOfPartitions; index++) {
    const partition = asPartitionId(index);
    if (losses.timesOf(partition).length > 0) continue;
    all.push(...(workload.transactions?.judge(partition) ?? []));
  }
  return all;
}

/** Across a loss nothing holds: what a token is of may be gone. */
function judgeWeakReads(evidence: Evidence): Violation[] {
  const weak = evidence.workload.weakReads.filter(({ key }) => lossesOfKey(evidence, key).length === 0);
  const violations = [...checkConnections(weak)];
  const byKey = evidence.history.byKey();
  for (const key of new Set(weak.map((read) => read.key))) {
    const ofKey = weak.filter((read) => read.key === key);
    violations.push(...checkWeakReads(byKey.get(key) ?? [], ofKey));
  }
  return violations;
}

function judgeFleeting(evidence: Evidence): Violation[] {
  const { scenario, workload, fleetingHistory } = evidence;
  const violations: Violation[] = [];
  const afterMs = scenario.mapSet.maps.find(({ name }) => name === FLEETING)?.timeToLive?.afterMs;
  for (const [key, operations] of fleetingHistory.byKey()) {
    const partition = workload.partitionOfKey(key);
    const promotionsMs = partition === undefined ? [] : (evidence.promotionsMs.get(partition) ?? []);
    const ttlMsOf = (value: string): number | undefined => ownTtlMsOf(value) ?? afterMs;
    // What is left of its times to live is not known of an entry that a later era begins with.
    const [first = []] = erasOf(operations, lossesOfKey(evidence, key));
    violations.push(...checkTtl(first, { ttlMsOf, promotionsMs }));
  }
  return violations;
}

/** When the partition of this key went on without some of what it had decided. */
function lossesOfKey({ workload, losses }: Evidence, key: string): readonly number[] {
  const partition = workload.partitionOfKey(key);
  return partition === undefined ? [] : losses.timesOf(partition);
}
