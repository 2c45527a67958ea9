/**
 * Replicas agree (I-AGREE): at one lsn, two decided states are the same, entry for entry; and no lsn is ever decided
 * as two records.
 */
import type { Violation } from './history.ts';

/** One shard's decided state, as a test sees it. */
export interface ShardState {
  readonly partition: number;
  readonly container: string;
  readonly decidedLsn: number;
  /** `map/key` to `value@epoch.lsn`. */
  readonly entries: ReadonlyMap<string, string>;
}

export function checkReplicas(shards: readonly ShardState[]): Violation[] {
  const violations: Violation[] = [];
  const first = new Map<string, ShardState>();
  for (const shard of shards) {
    const at = `${shard.partition}@${shard.decidedLsn}`;
    const other = first.get(at);
    if (other === undefined) first.set(at, shard);
    else violations.push(...compare(other, shard));
  }
  return violations;
}

function compare(a: ShardState, b: ShardState): Violation[] {
  const differences: string[] = [];
  for (const [key, entry] of a.entries) {
    const other = b.entries.get(key);
    if (other !== entry) differences.push(`${key} is ${entry} and ${other ?? 'absent'}`);
  }
  for (const [key, entry] of b.entries) if (!a.entries.has(key)) differences.push(`${key} is absent and ${entry}`);
  if (differences.length === 0) return [];
  const at = `partition ${a.partition} at lsn ${a.decidedLsn}, ${a.container} and ${b.container}`;
  return [{ rule: 'I-AGREE', what: `${at}: ${differences.slice(0, 5).join('; ')}` }];
}

/** What was decided at each lsn, by whichever replica said so first. */
export class DecidedLog {
  readonly violations: Violation[] = [];
  readonly #decided = new Map<string, { readonly record: string; readonly by: string }>();

  get size(): number {
    return this.#decided.size;
  }

  /** `record` tells records apart: epoch, request id, and whether it was rolled back. */
  observe(shard: { partition: number; lineage: string; by: string }, lsn: number, record: string): void {
    const at = `${shard.lineage}/${shard.partition}/${lsn}`;
    const known = this.#decided.get(at);
    if (known === undefined) {
      this.#decided.set(at, { record, by: shard.by });
      return;
    }
    if (known.record === record) return;
    const what = `partition ${shard.partition}, lsn ${lsn}: ${known.by} decided ${known.record}, ${shard.by} ${record}`;
    this.violations.push({ rule: 'I-AGREE', what });
  }
}
