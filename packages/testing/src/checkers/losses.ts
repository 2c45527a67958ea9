/**
 * Where a loss is allowed. A partition whose every sure copy is gone may go on with less, if its policy or an operator
 * says so; then what was acknowledged before may be missing. The promises hold within each era between two losses, and
 * nothing holds across them but that values come from somewhere.
 */
import type { PartitionConfig, Rid } from '@ostraca/core';
import type { Operation, Violation } from './history.ts';

export interface LossSeen {
  readonly partition: number;
  readonly atMs: number;
  readonly kind: string;
}

export class Losses {
  readonly violations: Violation[] = [];
  readonly #atMs = new Map<number, number[]>();

  /** `before`: the newest configuration that anybody was sent; `isGone`: no process has this shard any more. */
  observe(
    { partition, atMs, kind }: LossSeen,
    before: PartitionConfig | undefined,
    isGone: (rid: Rid) => boolean,
  ): void {
    this.#atMs.set(partition, [...this.timesOf(partition), atMs]);
    if (before === undefined) return;
    const members = [...before.sync, ...before.elr.map(({ rid }) => rid)];
    const left = members.filter((rid) => !isGone(rid));
    // An operator gives the missing ones up; without one, all must be gone.
    const isAllowed = kind === 'rebuilt' ? left.length < members.length : left.length === 0;
    if (isAllowed) return;
    const names = left.map(({ container }) => container).join(', ');
    const at = `(${before.epoch}, ${before.version})`;
    const what = `partition ${partition} went on with a loss (${kind}) over ${names}, of its configuration ${at}`;
    this.violations.push({ rule: 'I-ACK', what });
  }

  timesOf(partition: number): readonly number[] {
    return this.#atMs.get(partition) ?? [];
  }
}

/**
 * What each era may be judged by: the calls that lie in it, and of those before or across its beginning that they may
 * have written.
 */
export function erasOf(operations: readonly Operation[], lossesMs: readonly number[]): Operation[][] {
  const startsMs = [Number.NEGATIVE_INFINITY, ...lossesMs];
  return startsMs.map((startMs, index) => {
    const endMs = startsMs[index + 1] ?? Number.POSITIVE_INFINITY;
    return operations.flatMap((operation) => {
      if (operation.invokedMs >= endMs) return [];
      const isWithin = operation.invokedMs >= startMs && operation.returnedMs <= endMs;
      if (isWithin || operation.result.kind === 'unknown') return [operation];
      if (operation.action.kind === 'get') return [];
      // It had no effect, and must not have one later; what it saw of the state says nothing of another era.
      if (operation.returnedMs <= startMs && operation.result.kind !== 'applied') {
        return operation.result.kind === 'not_applied' ? [operation] : [];
      }
      return [{ ...operation, result: { kind: 'unknown', code: 'loss' }, returnedMs: Number.POSITIVE_INFINITY }];
    });
  });
}
