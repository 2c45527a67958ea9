/**
 * What one value alone cannot tell: contradictions between the keys of a policy, and what this version knows how to
 * read but not yet how to do. Each finding is a line `path: what was expected, got what`.
 */
import { LIMITS, OWN_MAPS_PREFIX } from '@ostraca/core';
import { type FilledMapSet, filled } from './policy-defaults.ts';
import type { WrittenGrid, WrittenMap, WrittenMapSet, WrittenPolicy } from './policy-schema.ts';

/** Silence is judged by missed heartbeats: fewer than this many would make one lost packet a death. */
const HEARTBEATS_PER_SUSPICION = 3;

export function contradictions(policy: WrittenPolicy): string[] {
  const lines: string[] = [];
  lines.push(...duplicates(policy.grids, 'grids'));
  policy.grids.forEach((grid, index) => {
    lines.push(...gridContradictions(grid, `grids[${index}]`));
  });
  const partitionCount = policy.grids
    .flatMap((grid) => grid.mapSets)
    .reduce((sum, mapSet) => sum + filled(mapSet).numberOfPartitions, 0);
  if (partitionCount > LIMITS.partitionsMax) {
    lines.push(`grids: at most ${LIMITS.partitionsMax} partitions in all map sets together, got ${partitionCount}`);
  }
  return lines;
}

function gridContradictions(grid: WrittenGrid, path: string): string[] {
  const lines = duplicates(grid.mapSets, `${path}.mapSets`);
  const firstPathOf = new Map<string, string>();
  const templates: { readonly name: string; readonly path: string }[] = [];
  grid.mapSets.forEach((mapSet, mapSetIndex) => {
    const mapSetPath = `${path}.mapSets[${mapSetIndex}]`;
    lines.push(...mapSetContradictions(mapSet, mapSetPath));
    mapSet.maps.forEach((map, mapIndex) => {
      const mapPath = `${mapSetPath}.maps[${mapIndex}]`;
      lines.push(...mapContradictions(map, mapPath));
      const first = firstPathOf.get(map.name);
      if (first === undefined) firstPathOf.set(map.name, mapPath);
      else lines.push(`${mapPath}.name: a map is in one map set, once, got "${map.name}" as in ${first}`);
      if (first === undefined && map.template === true && map.name.endsWith('*')) {
        const rival = templates.find((other) => globsOverlap(other.name, map.name));
        if (rival !== undefined) {
          lines.push(
            `${mapPath}.name: templates must not overlap, got "${map.name}" and "${rival.name}" of ${rival.path}`,
          );
        }
        templates.push({ name: map.name, path: mapPath });
      }
    });
  });
  return lines;
}

function mapSetContradictions(mapSet: WrittenMapSet, path: string): string[] {
  const lines: string[] = [];
  const { minSyncReplicas, maxSyncReplicas, numInitialContainers, failureDetection }: FilledMapSet = filled(mapSet);
  if (minSyncReplicas > maxSyncReplicas) {
    lines.push(`${path}.minSyncReplicas: at most maxSyncReplicas (${maxSyncReplicas}), got ${minSyncReplicas}`);
  }
  if (numInitialContainers < minSyncReplicas + 1) {
    lines.push(
      `${path}.numInitialContainers: at least minSyncReplicas + 1 (${minSyncReplicas + 1}), got ${numInitialContainers}`,
    );
  }
  const { heartbeatMs, suspectAfterMs } = failureDetection;
  if (heartbeatMs * HEARTBEATS_PER_SUSPICION > suspectAfterMs) {
    lines.push(
      `${path}.failureDetection.suspectAfter: at least ${HEARTBEATS_PER_SUSPICION} heartbeats ` +
        `(${heartbeatMs * HEARTBEATS_PER_SUSPICION}ms), got ${suspectAfterMs}ms`,
    );
  }
  const elements = mapSet.partitionBy ?? [];
  if (new Set(elements).size !== elements.length) {
    lines.push(`${path}.partitionBy: each element once, got ${JSON.stringify(elements)}`);
  }
  return lines;
}

function mapContradictions(map: WrittenMap, path: string): string[] {
  const lines: string[] = [];
  const isGlob = map.name.endsWith('*');
  if (map.name.startsWith(OWN_MAPS_PREFIX)) {
    lines.push(`${path}.name: names that begin with ${OWN_MAPS_PREFIX} are the grid's own, got "${map.name}"`);
  }
  if (isGlob && map.template !== true) {
    lines.push(`${path}.name: a * only in the name of a template (template: true), got "${map.name}"`);
  }
  if (!isGlob && map.template === true) {
    lines.push(`${path}.name: the name of a template ends in *, got "${map.name}"`);
  }
  if (map.evict !== undefined && map.maxBytes === undefined) {
    lines.push(`${path}.evict: only together with maxBytes, got "${map.evict}" alone`);
  }
  return lines;
}

function duplicates(named: readonly { readonly name: string }[], path: string): string[] {
  const firstIndexOf = new Map<string, number>();
  const lines: string[] = [];
  named.forEach(({ name }, index) => {
    const first = firstIndexOf.get(name);
    if (first === undefined) firstIndexOf.set(name, index);
    else lines.push(`${path}[${index}].name: each name once, got "${name}" as in ${path}[${first}]`);
  });
  return lines;
}

/** Both are globs with one trailing star: they overlap when one prefix begins with the other. */
function globsOverlap(a: string, b: string): boolean {
  const prefixA = a.slice(0, -1);
  const prefixB = b.slice(0, -1);
  return prefixA.startsWith(prefixB) || prefixB.startsWith(prefixA);
}

/** Options that are valid but whose part is not built yet: never ignored, always refused. */
export function unsupported(policy: WrittenPolicy): string[] {
  const paths: string[] = [];
  policy.grids.forEach((grid, gridIndex) => {
    grid.mapSets.forEach((mapSet, mapSetIndex) => {
      const path = `grids[${gridIndex}].mapSets[${mapSetIndex}]`;
      if (mapSet.placementStrategy === 'PER_CONTAINER') paths.push(`${path}.placementStrategy`);
      mapSet.maps.forEach((map, mapIndex) => {
        paths.push(...unsupportedOfMap(map, `${path}.maps[${mapIndex}]`));
      });
    });
  });
  return paths.map((path) => `${path}: not supported yet`);
}

function unsupportedOfMap(map: WrittenMap, path: string): string[] {
  const paths: string[] = [];
  if (map.template === true) paths.push(`${path}.template`);
  if (map.loader !== undefined) paths.push(`${path}.loader`);
  return paths;
}
