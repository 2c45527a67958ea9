/**
 * An operator says that the containers which are missing are gone for good. A partition whose journal is lost then goes
 * on from those members of its newest in-sync set that are there, or from an eligible replica. They hold whatever was
 * decided in that configuration; what was decided in one that only the missing ones knew of is lost, so the lineage
 * is a new one. The missing ones are members no more: what they come back with is dropped.
 */
import { type Rid, sameRid } from '../ids.ts';
import type { ShardReport } from '../messages.ts';
import { KEEP_ALL, type PartitionConfig } from './config.ts';
import { type LossyStep, lossOf } from './loss.ts';

export interface SurvivorFacts {
  /** Of a live container that has this very shard. */
  readonly reportOf: (rid: Rid) => ShardReport | undefined;
  readonly minSyncReplicas: number;
  readonly newLineage: () => string;
}

/** `config` is the newest one that is known, raised to the epoch in which it is to go on; undefined: nobody is there. */
export function goOnWithSurvivors(config: PartitionConfig, facts: SurvivorFacts): LossyStep | undefined {
  const isThere = (rid: Rid): boolean => facts.reportOf(rid) !== undefined;
  const elr = config.elr.filter(({ rid }) => isThere(rid));
  const sync = config.sync.filter(isThere);
  const [first] = [...sync].sort((a, b) => lastLsnOf(b, facts) - lastLsnOf(a, facts));
  if (first !== undefined) {
    const stays = sync.some((rid) => sameRid(rid, config.primary));
    return stepTo(config, facts, {
      primary: stays ? config.primary : first,
      sync,
      elr: sync.length - 1 < facts.minSyncReplicas ? elr : [],
      keepLsn: stays ? config.keepLsn : KEEP_ALL,
    });
  }
  const [chosen, ...others] = [...elr].sort((a, b) => b.keepLsn - a.keepLsn);
  if (chosen === undefined) return undefined;
  return stepTo(config, facts, { primary: chosen.rid, sync: [chosen.rid], elr: others, keepLsn: chosen.keepLsn });
}

type Fields = Pick<PartitionConfig, 'primary' | 'sync' | 'elr' | 'keepLsn'>;

function stepTo(config: PartitionConfig, facts: SurvivorFacts, fields: Fields): LossyStep {
  const isOther = ({ incarnation }: { readonly incarnation: string }): boolean =>
    !fields.sync.some((rid) => rid.incarnation === incarnation);
  const next: PartitionConfig = {
    ...config,
    ...fields,
    lineage: facts.newLineage(),
    joining: config.joining.filter(isOther),
    async: config.async.filter(isOther),
    leaving: config.leaving.filter(
      (rid) => !sameRid(rid, fields.primary) && fields.sync.some((member) => sameRid(member, rid)),
    ),
  };
  const keptLsn = Math.min(lastLsnOf(fields.primary, facts), fields.keepLsn);
  return { config: next, loss: lossOf(config, next, { keptLsn, kind: 'rebuilt' }) };
}

function lastLsnOf(rid: Rid, { reportOf }: SurvivorFacts): number {
  return reportOf(rid)?.lastLsn ?? 0;
}
