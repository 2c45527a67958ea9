/**
 * What this client has seen of each partition: the highest point of its history that an answer reflected. A read that
 * asks for it sees at least as much, whichever copy answers. A point means something in its lineage only.
 */
import type { Lsn, PartitionId } from '@ostraca/core';
import type { ClientAnswer } from './pending.ts';

export interface Token {
  readonly lineage: string;
  readonly lsn: Lsn;
  /** What had expired by this time of the partition clock stays expired. */
  readonly clockMs: number;
}

export class Tokens {
  readonly #byPartition = new Map<PartitionId, Token>();

  of(partition: PartitionId): Token | undefined {
    return this.#byPartition.get(partition);
  }

  /** `lineage`: of the route by which the request went. */
  note(partition: PartitionId, lineage: string, answer: ClientAnswer): void {
    const { lsn, clockMs } = pointOf(answer);
    if (lsn === 0 || lineage === '') return;
    const held = this.#byPartition.get(partition);
    if (held?.lineage === lineage && held.lsn >= lsn && held.clockMs >= clockMs) return;
    const before = held?.lineage === lineage ? held : { lsn: 0, clockMs: 0 };
    const token = { lineage, lsn: Math.max(lsn, before.lsn), clockMs: Math.max(clockMs, before.clockMs) };
    this.#byPartition.set(partition, token);
  }
}

function pointOf(answer: ClientAnswer): { lsn: Lsn; clockMs: number } {
  if (answer.type === 'readAnswer') return answer;
  return { lsn: answer.type === 'writeAnswer' ? answer.lsn : 0, clockMs: 0 };
}
