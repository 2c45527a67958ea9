/**
 * A journal is lost, the data are not: what containers tell of the configurations that they obeyed.
 *
 *     the newest configuration of a partition, by (epoch, version), that any container was told
 *       all members of its S and of its eligible replicas have answered   it holds, in a much higher epoch
 *       one is missing                                                    it waits, or an operator says that it is gone
 *     a partition that nobody was told of                                 placed anew, once everybody known has answered
 *
 * Why that is enough: whatever the lost journal ordered after this configuration, it ordered one of those members to
 * act on it (a promotion is of a member of S or an eligible one, a change of S is told to the primary). Who has acted
 * on something newer tells it; and an order that none of them has heard of by the time that it answers reaches it no
 * more, because it has turned to us and obeys no older catalog (generation.ts). "Answered" is of that very life: the
 * next one under its name knows nothing of what it did.
 */
import type { ContainerName, Host, Incarnation, PartitionId, Rid } from '../ids.ts';
import type { ConfigReport, ShardReport } from '../messages.ts';
import { isNewer, KEEP_ALL, type PartitionConfig, REBUILD_EPOCH_STEP } from './config.ts';
import { policyDifference } from './policy-difference.ts';

interface Asked {
  readonly incarnation: Incarnation;
  readonly configs: PartitionConfig[];
}

export interface RebuildTerms {
  readonly policyJson: string;
  readonly hashSeed: number;
  /** No configuration was made yet: another hash seed can still be taken over. */
  readonly isEmpty: boolean;
}

/** `otherSeed`: accepted, and the hash seed of its shards is to be taken over. */
export type ReportResult =
  | { readonly kind: 'more' | 'accepted' | 'otherSeed' }
  | { readonly kind: 'refused'; readonly reason: string };

export class Rebuild {
  private readonly newest = new Map<PartitionId, PartitionConfig>();
  private readonly asked = new Map<ContainerName, Asked>();
  private readonly answers = new Map<Incarnation, ReadonlyMap<PartitionId, ShardReport>>();
  /** Containers that somebody was told of. */
  private readonly known = new Set<ContainerName>();
  /** By this catalog, since it started. */
  private readonly registered = new Set<ContainerName>();
  /** Whose shards cannot go on under this catalog, and why. */
  private readonly refused = new Map<ContainerName, string>();
  private hasShards = false;

  /** A container has registered: what an earlier life of the name was asked, or refused for, is of no interest now. */
  noteRegistered({ container, incarnation }: Host): void {
    if (this.asked.get(container)?.incarnation !== incarnation) this.asked.delete(container);
    this.refused.delete(container);
    this.known.add(container);
    this.registered.add(container);
  }

  noteKnown(container: ContainerName): void {
    this.known.add(container);
  }

  noteEnded(container: ContainerName): void {
    this.asked.delete(container);
    this.refused.delete(container);
    this.known.delete(container);
  }

  noteAsked({ container, incarnation }: Host): void {
    this.asked.set(container, { incarnation, configs: [] });
  }

  onReport({ container, incarnation }: Host, report: ConfigReport, terms: RebuildTerms): ReportResult {
    const asked = this.asked.get(container);
    if (asked?.incarnation !== incarnation) return { kind: 'more' };
    asked.configs.push(...report.configs);
    if (!report.last) return { kind: 'more' };
    this.asked.delete(container);
    const hasShards = report.shards.length > 0;
    const difference = differenceOf(report.policyJson, terms.policyJson);
    if (difference !== '') {
      // Without shards there is nothing to fit: its numbers of partitions mean others, and that is all.
      if (hasShards) return this.refusal(container, `${container} holds data of another policy: ${difference}`);
      this.answers.set(incarnation, new Map());
      return { kind: 'accepted' };
    }
    const isOtherSeed = hasShards && report.hashSeed !== terms.hashSeed;
    if (isOtherSeed && (!terms.isEmpty || this.hasShards)) {
      return this.refusal(container, `${container} holds data of another grid with the same policy`);
    }
    this.answers.set(incarnation, new Map(report.shards.map((shard) => [shard.partition, shard])));
    for (const name of report.containers) this.known.add(name);
    for (const config of asked.configs) {
      const known = this.newest.get(config.partition);
      if (known === undefined || isNewer(config, known)) this.newest.set(config.partition, config);
    }
    this.hasShards ||= hasShards;
    return { kind: isOtherSeed ? 'otherSeed' : 'accepted' };
  }

  newestOf(partition: PartitionId): PartitionConfig | undefined {
    return this.newest.get(partition);
  }

  /** What speaks against rebuilding anything; undefined: nothing. */
  refusalReason(): string | undefined {
    return this.refused.values().next().value;
  }

  /** What this life of a shard's container told of it; undefined: it has not answered, or has another shard, or none. */
  soundShard(partition: PartitionId, rid: Rid): ShardReport | undefined {
    const report = this.answers.get(rid.incarnation)?.get(partition);
    return report?.shardInc === rid.shardInc ? report : undefined;
  }

  /** Of members that have answered, those that do not have the shard that the configuration counts on. */
  damagedMembers(config: PartitionConfig): Rid[] {
    return membersOf(config).filter(
      (rid) => this.answers.has(rid.incarnation) && this.soundShard(config.partition, rid) === undefined,
    );
  }

  /** Members of the newest configuration whose lives have not answered. */
  missingMembers(config: PartitionConfig): ContainerName[] {
    const missing = membersOf(config).filter(({ incarnation }) => !this.answers.has(incarnation));
    return [...new Set(missing.map(({ container }) => container))].sort();
  }

  /** Who may know of partitions that nobody has told of. */
  silentContainers(): ContainerName[] {
    const silent = [...this.known].filter((name) => !this.registered.has(name));
    return [...new Set([...silent, ...this.asked.keys()])].sort();
  }

  /** The newest configuration as this catalog's first, in an epoch that the lost journal cannot have given. */
  raised(config: PartitionConfig): PartitionConfig {
    const report = this.soundShard(config.partition, config.primary);
    // It has acted as primary in this epoch, so the cut that it was promoted with is made, and must not be made again.
    const hasTakenOver = report?.epoch === config.epoch;
    return {
      ...config,
      epoch: config.epoch + REBUILD_EPOCH_STEP,
      version: config.version + 1,
      keepLsn: hasTakenOver ? KEEP_ALL : config.keepLsn,
      waitGrants: true,
      lost: false,
    };
  }

  private refusal(container: ContainerName, reason: string): ReportResult {
    this.refused.set(container, reason);
    return { kind: 'refused', reason };
  }
}

export function membersOf({ sync, elr }: PartitionConfig): Rid[] {
  return [...sync, ...elr.map(({ rid }) => rid)];
}

function differenceOf(theirs: string, ours: string): string {
  let policy: unknown;
  try {
    policy = JSON.parse(theirs);
  } catch {
    return 'it cannot be read';
  }
  return policyDifference(policy, JSON.parse(ours), 'in the containers').join('; ');
}
