/** What the catalog knows, as plain values for HTTP and the command line. */
import type { ContainerName } from '../ids.ts';
import type { Unplaceable } from '../messages.ts';
import { partitionsOf, type Topology } from '../topology.ts';
import type { PartitionConfig } from './config.ts';
import type { Membership } from './membership.ts';
import type { CatalogState } from './state.ts';

export interface ContainerStatus {
  readonly name: ContainerName;
  readonly incarnation: string;
  readonly address: string;
  readonly host: string;
  readonly zone: string;
  readonly alive: boolean;
  /** Its connection is lost. */
  readonly suspect: boolean;
  readonly ended: 'no' | 'left' | 'provedDead';
  /** Null: none since this catalog started. */
  readonly lastHeartbeatAgoMs: number | null;
  readonly primaries: number;
  readonly syncReplicas: number;
  readonly asyncReplicas: number;
  readonly joining: number;
}

export interface PartitionStatus {
  readonly grid: string;
  readonly mapSet: string;
  /** Within its map set. */
  readonly index: number;
  /** Null: not placed. */
  readonly config: PartitionConfig | null;
}

export interface CatalogStatus {
  readonly generation: string;
  /** False while a started catalog waits for containers to come back. */
  readonly ready: boolean;
  readonly containers: readonly ContainerStatus[];
  readonly partitions: readonly PartitionStatus[];
  readonly unplaceable: readonly Unplaceable[];
}

export interface StatusFacts {
  readonly state: CatalogState;
  readonly membership: Membership;
  readonly topology: Topology;
  readonly unplaceable: readonly Unplaceable[];
  readonly nowMs: number;
  readonly isReady: boolean;
}

export function catalogStatus({
  state,
  membership,
  topology,
  unplaceable,
  nowMs,
  isReady,
}: StatusFacts): CatalogStatus {
  const configs = state.partitions.filter((config) => config !== undefined);
  const containers = state.containers.map((record): ContainerStatus => {
    const isOwn = ({ incarnation }: { incarnation: string }): boolean => incarnation === record.incarnation;
    const primaries = configs.filter(({ primary }) => isOwn(primary)).length;
    return {
      name: record.container,
      incarnation: record.incarnation,
      address: record.address,
      host: record.host,
      zone: record.zone,
      alive: membership.isAlive(record),
      suspect: membership.isSuspect(record.container),
      ended: record.ended,
      lastHeartbeatAgoMs: membership.silenceMs(record.container, nowMs) ?? null,
      primaries,
      syncReplicas: configs.filter(({ sync }) => sync.some(isOwn)).length - primaries,
      asyncReplicas: configs.filter(({ async: hosts }) => hosts.some(isOwn)).length,
      joining: configs.filter(({ joining }) => joining.some(isOwn)).length,
    };
  });
  const partitions = topology.mapSets.flatMap((mapSet) =>
    partitionsOf(mapSet).map((partition, index): PartitionStatus => {
      const { grid, policy } = mapSet;
      return { grid, mapSet: policy.name, index, config: state.partitions[partition] ?? null };
    }),
  );
  return { generation: state.generation, ready: isReady, containers, partitions, unplaceable };
}
