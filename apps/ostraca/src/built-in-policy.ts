import type { Policy } from '@ostraca/core';
import { parsePolicy } from '@ostraca/server';

/** What `ostraca dev` serves without `--policy`. */
export const BUILT_IN_GRID = 'dev';
export const BUILT_IN_MAPS = ['default', 'sessions', 'carts'] as const;

/** Waits for all of the containers, so that each gets its share of primaries. */
export function builtInPolicy(containers: number): Policy {
  const maps = BUILT_IN_MAPS.map((name) => ({ name }));
  const numInitialContainers = Math.max(2, containers);
  return parsePolicy({
    grids: [{ name: BUILT_IN_GRID, mapSets: [{ name: 'main', developmentMode: true, numInitialContainers, maps }] }],
  });
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
