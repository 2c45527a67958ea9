import { FAILURE_DETECTION_LEVELS, type MapPolicy, type MapSetPolicy } from '@ostraca/core';
import type { WrittenMap, WrittenMapSet } from './policy-schema.ts';

export type FilledMapSet = MapSetPolicy;

/** A map set with every default in its place. Those that depend on minSyncReplicas follow it. */
export function filled(mapSet: WrittenMapSet): FilledMapSet {
  const minSyncReplicas = mapSet.minSyncReplicas ?? 1;
  return {
    name: mapSet.name,
    numberOfPartitions: mapSet.numberOfPartitions ?? 13,
    minSyncReplicas,
    maxSyncReplicas: mapSet.maxSyncReplicas ?? Math.max(1, minSyncReplicas),
    maxAsyncReplicas: mapSet.maxAsyncReplicas ?? 0,
    numInitialContainers: mapSet.numInitialContainers ?? minSyncReplicas + 1,
    autoReplaceLostShards: mapSet.autoReplaceLostShards ?? true,
    developmentMode: mapSet.developmentMode ?? false,
    failureDetection: failureDetectionOf(mapSet.failureDetection),
    onInSyncLoss: mapSet.onInSyncLoss ?? (minSyncReplicas >= 1 ? 'unavailable' : 'promoteAsync'),
    replicaReadEnabled: mapSet.replicaReadEnabled ?? false,
    partitionBy: mapSet.partitionBy ?? [],
    maps: mapSet.maps.map(filledMap),
  };
}

/** Nothing goes away unless the policy says so: with maxBytes alone, a map that is full refuses. */
function filledMap({ name, lockStrategy = 'OPTIMISTIC', timeToLive, maxBytes, evict = 'NONE' }: WrittenMap): MapPolicy {
  return {
    name,
    lockStrategy,
    ...(timeToLive === undefined ? {} : { timeToLive: { type: timeToLive.type, afterMs: timeToLive.after } }),
    ...(maxBytes === undefined ? {} : { limit: { maxBytes, evict } }),
  };
}

function failureDetectionOf(written: WrittenMapSet['failureDetection']): MapSetPolicy['failureDetection'] {
  if (written === undefined) return FAILURE_DETECTION_LEVELS.typical;
  if ('level' in written) return FAILURE_DETECTION_LEVELS[written.level];
  return { heartbeatMs: written.heartbeat, suspectAfterMs: written.suspectAfter };
}
