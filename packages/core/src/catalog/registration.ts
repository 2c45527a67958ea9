/** Whether a container may register, and what its shards tell. */
import type { ErrorCode } from '../errors.ts';
import type { Host, PartitionId, Rid } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import type { Peer } from '../machine.ts';
import type { Register } from '../messages.ts';
import { isNewer } from './config.ts';
import type { CatalogState, ContainerRecord } from './state.ts';

export interface RegistrationFacts {
  readonly peer: Peer;
  /** The newest life of that name. */
  readonly known: ContainerRecord | undefined;
  readonly isAlive: (host: Host) => boolean;
}

export interface Refusal {
  readonly code: ErrorCode;
  readonly reason: string;
}

export function refuseRegister(register: Register, { peer, known, isAlive }: RegistrationFacts): Refusal | undefined {
  const { name, incarnation } = register;
  if (peer.role !== 'container' || peer.incarnation !== incarnation || peer.name !== name) {
    return { code: 'invalid_argument', reason: 'the registration is not of the process that said hello' };
  }
  if (name === '' || name.length > LIMITS.nameCharsMax) {
    return { code: 'invalid_argument', reason: `a container's name has 1 to ${LIMITS.nameCharsMax} characters` };
  }
  if (known === undefined) return undefined;
  if (known.incarnation === incarnation) {
    if (known.ended === 'no') return undefined;
    return { code: 'invalid_argument', reason: 'this life of the container has left the grid or was proved dead' };
  }
  // Two processes may have been started under one name: the older one's lease protects it until it has run out.
  if (!isAlive(known)) return undefined;
  return { code: 'name_in_use', reason: `container ${name} is alive at ${known.address}` };
}

export interface ConsideredShards {
  /** Newer than what this journal knows: living data, never to be placed over. */
  readonly foreign: readonly PartitionId[];
  /** Rebuilt in that process since: what the configuration counts on is no more. */
  readonly rebuilt: readonly { readonly partition: PartitionId; readonly rid: Rid }[];
}

export function considerShards(register: Register, state: CatalogState, partitionCount: number): ConsideredShards {
  const foreign: PartitionId[] = [];
  const rebuilt: { partition: PartitionId; rid: Rid }[] = [];
  for (const shard of register.shards) {
    const { partition, shardInc } = shard;
    if (partition >= partitionCount) continue;
    const config = state.partitions[partition];
    // Without a configuration: the container is asked what it was told of it (rebuild.ts).
    if (config === undefined) continue;
    if (isNewer(shard, config)) {
      foreign.push(partition);
      continue;
    }
    const members = [...config.sync, ...config.elr.map(({ rid }) => rid)];
    const rid = members.find(({ incarnation }) => incarnation === register.incarnation);
    if (rid !== undefined && rid.shardInc < shardInc) rebuilt.push({ partition, rid });
  }
  return { foreign, rebuilt };
}
