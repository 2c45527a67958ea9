/**
 * When a whole in-sync set is gone, and every eligible replica with it: nobody can say any more what was decided. By
 * policy, or by an operator's word, the partition goes on all the same, and everybody is told.
 *
 *     promoteAsync   the consistent copy outside of S that has decided most; it cuts its log behind that, for to bring
 *                    back what was answered as rolled back would be worse than to lose
 *     startEmpty     a new shard with nothing in it
 *
 * Both begin a new lineage in a higher epoch, so nobody takes the new history for the old one. Both need proof that
 * the old members are gone: silence is none, for whoever was silent may come back with everything.
 */
import type { Epoch, Host, Lsn, PartitionId, Rid } from '../ids.ts';
import type { OnInSyncLoss } from '../policy.ts';
import { emptyShardInc, KEEP_DECIDED, KEEP_NOTHING, type PartitionConfig } from './config.ts';

export type LossKind = 'promoteAsync' | 'startEmpty' | 'rebuilt';

/** What was decided in `lineage` after `keptLsn` and is not known any more: nobody can say how much that is. */
export interface Loss {
  readonly partition: PartitionId;
  readonly lineage: string;
  readonly keptLsn: Lsn;
  /** From which the partition went on. */
  readonly epoch: Epoch;
  readonly kind: LossKind;
}

/** A live, consistent copy that is in no in-sync set. */
export interface Copy {
  readonly rid: Rid;
  readonly decidedLsn: Lsn;
}

export interface LossFacts {
  readonly copies: readonly Copy[];
  /** Where an empty shard may begin; undefined: nowhere. */
  readonly emptyHost: () => Host | undefined;
  readonly newLineage: () => string;
}

export interface LossyStep {
  readonly config: PartitionConfig;
  readonly loss: Loss;
}

/** Undefined: there is nothing to go on with. */
export function goOnWithLoss(config: PartitionConfig, how: OnInSyncLoss, facts: LossFacts): LossyStep | undefined {
  if (how === 'promoteAsync') {
    const copy = mostDecided(facts.copies);
    return copy === undefined ? undefined : promoteCopy(config, copy, facts.newLineage());
  }
  if (how === 'unavailable') return undefined;
  const host = facts.emptyHost();
  return host === undefined ? undefined : startEmpty(config, host, facts.newLineage());
}

/** What an operator asks for who accepts every loss: as little of it as can be. */
export function goOnWithLeastLoss(config: PartitionConfig, facts: LossFacts): LossyStep | undefined {
  return goOnWithLoss(config, 'promoteAsync', facts) ?? goOnWithLoss(config, 'startEmpty', facts);
}

function promoteCopy(config: PartitionConfig, { rid, decidedLsn }: Copy, lineage: string): LossyStep {
  const next = { ...begun(config, rid, lineage), keepLsn: KEEP_DECIDED };
  return { config: next, loss: lossOf(config, next, { keptLsn: decidedLsn, kind: 'promoteAsync' }) };
}

function startEmpty(config: PartitionConfig, host: Host, lineage: string): LossyStep {
  const { container, incarnation } = host;
  const primary = { container, incarnation, shardInc: emptyShardInc(config.epoch + 1) };
  const next = { ...begun(config, primary, lineage), keepLsn: KEEP_NOTHING };
  return { config: next, loss: lossOf(config, next, { keptLsn: 0, kind: 'startEmpty' }) };
}

function begun(config: PartitionConfig, primary: Rid, lineage: string): PartitionConfig {
  const isOther = ({ incarnation }: Host): boolean => incarnation !== primary.incarnation;
  return {
    ...config,
    epoch: config.epoch + 1,
    version: config.version + 1,
    lineage,
    primary,
    sync: [primary],
    elr: [],
    joining: config.joining.filter(isOther),
    async: config.async.filter(isOther),
    leaving: [],
    waitGrants: true,
    lost: false,
  };
}

export function lossOf(
  before: PartitionConfig,
  after: PartitionConfig,
  { keptLsn, kind }: Pick<Loss, 'keptLsn' | 'kind'>,
): Loss {
  return { partition: before.partition, lineage: before.lineage, keptLsn, epoch: after.epoch, kind };
}

function mostDecided(copies: readonly Copy[]): Copy | undefined {
  return [...copies].sort((a, b) => b.decidedLsn - a.decidedLsn || (a.rid.container < b.rid.container ? -1 : 1))[0];
}
