/** What holds of every configuration, and of every one after another: a broken one must never reach a container. */
import { assert } from '../assert.ts';
import { type Host, type Incarnation, type Rid, sameRid } from '../ids.ts';
import { isNewer, type PartitionConfig } from './config.ts';

/** Whether `next` may follow `config`; a partition's first configuration follows nothing. */
export function isSuccessor(config: PartitionConfig | undefined, next: PartitionConfig): boolean {
  if (config === undefined) return true;
  // The version rises across epochs too, so that (epoch, version) and version alone order alike.
  return isNewer(next, config) && next.epoch >= config.epoch && next.version > config.version;
}

export function checkConfig(config: PartitionConfig): void {
  const { primary, sync, elr, joining, async: asyncHosts, leaving } = config;
  assert(config.epoch >= 1 && config.version >= 1, 'epochs and versions begin at 1');
  assert(hasRid(sync, primary), 'the primary is in the in-sync set');
  assert(areUnique(sync), 'a container life is in the in-sync set once');
  assert(areUnique(joining) && areUnique(asyncHosts), 'a container life is placed once');
  assert(!joining.some((host) => hasHost(sync, host)), 'who is in sync does not join');
  assert(!asyncHosts.some((host) => hasHost(sync, host) || hasHost(joining, host)), 'who is async does not join');
  assert(areUnique(elr.map(({ rid }) => rid)), 'a container life is eligible once');
  assert(!elr.some(({ rid }) => hasHost(sync, rid)), 'who is in sync is not eligible besides');
  assert(
    leaving.every((rid) => hasRid(sync, rid) && !sameRid(rid, primary)),
    'members of the in-sync set leave, but never the primary',
  );
}

export function hasHost(hosts: readonly Host[], host: Host): boolean {
  return hosts.some(({ incarnation }) => incarnation === host.incarnation);
}

export function hasRid(rids: readonly Rid[], rid: Rid): boolean {
  return rids.some((one) => sameRid(one, rid));
}

function areUnique(hosts: readonly Host[]): boolean {
  return new Set<Incarnation>(hosts.map(({ incarnation }) => incarnation)).size === hosts.length;
}
