import type { Policy } from '@ostraca/core';
import { parsePolicy } from '@ostraca/server';

/** What `ostraca dev` serves without `--policy`. */
export const BUILT_IN_GRID = 'dev';
export const BUILT_IN_MAPS = ['default', 'sessions', 'carts'] as const;

/** Waits for all of the containers, so that each gets its share of primaries. One alone has no replicas. */
export function builtInPolicy(containers: number): Policy {
  const mapSet = {
    name: 'main',
    developmentMode: true,
    numInitialContainers: containers,
    minSyncReplicas: Math.min(1, containers - 1),
    maps: BUILT_IN_MAPS.map((name) => ({ name })),
  };
  return parsePolicy({ grids: [{ name: BUILT_IN_GRID, mapSets: [mapSet] }] });
}

/** All on one machine: primary and replica share a host, or nothing could be placed. */
export function inDevelopmentMode(policy: Policy): Policy {
  return {
    grids: policy.grids.map((grid) => ({
      ...grid,
      mapSets: grid.mapSets.map((mapSet) => ({ ...mapSet, developmentMode: true })),
    })),
  };
}
