/**
 * Who becomes primary (P1). Both ways are without loss: every member of the in-sync set S holds every decided record,
 * and so does an eligible replica (ELR), for nothing was decided since its eviction left fewer than minSyncReplicas.
 *
 *     S = {P, a, b}            P is gone      a: epoch + 1, S = {a, b}      eligible: P, only if S is now below min
 *                                                                           joining: P, if it is silent and not below
 *     S = {P, a, b}            P and b gone   a: epoch + 1, S = {a}         eligible: P and b, if below min
 *     S = {P}, eligible a      P is gone      a: epoch + 1, S = {a}, cut to a's keepLsn      eligible: P
 *     S = {P}, nobody else     P is gone      lost, until one of them comes back
 *
 * When P counts as gone is the caller's business (its lease is over, or there is proof); it also hands in whether a
 * live member of S still reaches P.
 */
import { assert } from '../assert.ts';
import { type Host, type Rid, sameRid } from '../ids.ts';
import { hasHost } from './chain.ts';
import { type EligibleReplica, KEEP_ALL, type PartitionConfig } from './config.ts';

export interface PromotionFacts {
  readonly minSyncReplicas: number;
  /** The primary's lease cannot run any more: silence for a lease, a leave, proof of death, or damage waited out. */
  readonly isPrimaryGone: boolean;
  /** A live member of S reported within a lease that the primary answers: then it goes on under grants. */
  readonly isPrimaryReached: boolean;
  /** It left or was proved dead, and no grant to an older epoch can still run: nothing to wait out (L2). */
  readonly isReleased: boolean;
  /** Its life is known and not over, and the shard has not failed. */
  readonly isPromotable: (rid: Rid) => boolean;
  /** Silent, and expected to come back with what it had. */
  readonly isAwaited: (rid: Rid) => boolean;
  /** It can never come back with its state. */
  readonly isGoneForEver: (rid: Rid) => boolean;
  /** Lower is better: what balances primaries. */
  readonly rank: (rid: Rid) => number;
}

/** The next configuration, or undefined when nothing is to be done. */
export function decidePromotion(config: PartitionConfig, facts: PromotionFacts): PartitionConfig | undefined {
  if (!facts.isPrimaryGone) {
    // Nobody was promoted meanwhile, so the primary is still what it was.
    return found(config);
  }
  const others = config.sync.filter((rid) => !sameRid(rid, config.primary));
  const fromSync = best(others.filter(facts.isPromotable), facts.rank);
  if (fromSync !== undefined) {
    return facts.isPrimaryReached ? found(config) : promoteFromSync(config, fromSync, facts);
  }
  const fromElr = bestEligible(
    config.elr.filter(({ rid }) => facts.isPromotable(rid)),
    facts.rank,
  );
  if (fromElr !== undefined) return promoteFromElr(config, fromElr, facts);
  return config.lost ? undefined : { ...config, version: config.version + 1, lost: true };
}

function found(config: PartitionConfig): PartitionConfig | undefined {
  return config.lost ? { ...config, version: config.version + 1, lost: false } : undefined;
}

function promoteFromSync(config: PartitionConfig, primary: Rid, facts: PromotionFacts): PartitionConfig {
  const sync = config.sync.filter((rid) => !sameRid(rid, config.primary) && facts.isPromotable(rid));
  const replicas = sync.length - 1;
  // Members that are silent too leave S with the old primary: counted as replicas they would hide that the new primary
  // is the last copy, and the old one would give its state up on waking. They hold whatever was decided, as it does.
  const silent = config.sync.filter((rid) => !sync.some((member) => sameRid(member, rid)));
  const elr = [...config.elr, ...silent.map((rid) => ({ rid, keepLsn: KEEP_ALL }))];
  // Back at the minimum, what is decided now need not be in an eligible replica any more; its copy need not be made anew.
  const isBelowMin = replicas < facts.minSyncReplicas;
  const returning = isBelowMin ? [] : elr.map(({ rid }) => rid).filter((rid) => facts.isAwaited(rid));
  return promoted(config, facts, {
    primary,
    sync,
    elr: isBelowMin ? withoutGone(elr, facts) : [],
    joining: withHosts(config, returning),
    keepLsn: KEEP_ALL,
  });
}

function promoteFromElr(config: PartitionConfig, chosen: EligibleReplica, facts: PromotionFacts): PartitionConfig {
  const elr = config.elr.filter(({ rid }) => !sameRid(rid, chosen.rid));
  for (const rid of config.sync) {
    // A primary that was promoted with a cut, and has changed nothing since, may never have made that cut.
    elr.push({ rid, keepLsn: sameRid(rid, config.primary) ? config.keepLsn : KEEP_ALL });
  }
  return promoted(config, facts, {
    primary: chosen.rid,
    sync: [chosen.rid],
    elr: withoutGone(elr, facts),
    joining: config.joining,
    keepLsn: chosen.keepLsn,
  });
}

function withHosts({ joining, async: asyncHosts }: PartitionConfig, rids: readonly Rid[]): Host[] {
  const added = rids.filter((rid) => !hasHost(joining, rid) && !hasHost(asyncHosts, rid));
  return [...joining, ...added.map(({ container, incarnation }) => ({ container, incarnation }))];
}

type PromotedFields = Pick<PartitionConfig, 'primary' | 'sync' | 'elr' | 'joining' | 'keepLsn'>;

function promoted(config: PartitionConfig, facts: PromotionFacts, fields: PromotedFields): PartitionConfig {
  assert(!sameRid(fields.primary, config.primary), 'a primary is not promoted over itself');
  const { incarnation } = fields.primary;
  return {
    ...config,
    ...fields,
    epoch: config.epoch + 1,
    version: config.version + 1,
    joining: fields.joining.filter((host) => host.incarnation !== incarnation),
    async: config.async.filter((host) => host.incarnation !== incarnation),
    leaving: config.leaving.filter((rid) => !sameRid(rid, fields.primary) && fields.sync.some((s) => sameRid(s, rid))),
    waitGrants: !facts.isReleased,
    lost: false,
  };
}

/** An entry that can never be promoted would only keep reads and rollbacks waiting for it. */
function withoutGone(elr: readonly EligibleReplica[], facts: PromotionFacts): EligibleReplica[] {
  return elr.filter(({ rid }) => !facts.isGoneForEver(rid));
}

function best(rids: readonly Rid[], rank: (rid: Rid) => number): Rid | undefined {
  return [...rids].sort((a, b) => rank(a) - rank(b) || byName(a, b))[0];
}

function bestEligible(elr: readonly EligibleReplica[], rank: (rid: Rid) => number): EligibleReplica | undefined {
  // Any is without loss; the one with the larger keepLsn loses least of what was never decided.
  return [...elr].sort((a, b) => b.keepLsn - a.keepLsn || rank(a.rid) - rank(b.rid) || byName(a.rid, b.rid))[0];
}

function byName(a: Rid, b: Rid): number {
  if (a.container === b.container) return 0;
  return a.container < b.container ? -1 : 1;
}
