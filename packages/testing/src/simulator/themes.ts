/**
 * A share of the seeds is about one thing: holes that show only where many rare circumstances meet. Drawn by
 * themselves, so that other seeds stay what they were.
 */
import { FAILURE_DETECTION_LEVELS, type MapSetPolicy, newRandom } from '@ostraca/core';
import { type FaultKind, pick, type Scenario } from './scenario.ts';

export function themed(scenario: Scenario): Scenario {
  const { seed } = scenario;
  if (newRandom(seed ^ 0x41c64e6d).below(12) === 0) return aboutLoss(scenario);
  const random = newRandom(seed ^ 0x52dce729);
  if (scenario.nearCache === undefined || random.below(4) > 0) return scenario;
  return aboutNear(scenario, pick(random, [['lateWords', 500] as const, ['lateAnswers', 3_000] as const]));
}

/** All of S dies again and again, and a copy outside of it goes on. */
function aboutLoss(scenario: Scenario): Scenario {
  const { minSyncReplicas, maxSyncReplicas } = scenario.mapSet;
  const changed = { minSyncReplicas: Math.max(1, minSyncReplicas), maxAsyncReplicas: 1 };
  return {
    ...withMapSet(scenario, { ...changed, onInSyncLoss: 'promoteAsync' }),
    containerCount: Math.max(scenario.containerCount, maxSyncReplicas + 2),
    faults: new Map([...scenario.faults, ['lastCopy', 2_000]]),
    isGentle: false,
  };
}

/** Few keys, read near again before they are too old, and few faults but for the one that is meant. */
function aboutNear(scenario: Scenario, aimed: readonly [FaultKind, number]): Scenario {
  const { nearCache, containerCount, keyCount, chaosMs, faults } = scenario;
  // Who is promoted has a replica left, so it may decide before it has a lease.
  const sizes = { minSyncReplicas: 1, maxSyncReplicas: 2, numInitialContainers: 3 };
  return {
    ...withMapSet(scenario, {
      ...sizes,
      replicaReadEnabled: true,
      failureDetection: FAILURE_DETECTION_LEVELS.aggressive,
    }),
    containerCount: Math.max(3, containerCount),
    clientCount: 3,
    workersPerClient: 5,
    thinkMs: 20,
    // What is read and written so often takes long to judge.
    chaosMs: Math.min(25_000, chaosMs),
    keyCount: Math.min(6, keyCount),
    nearCache: nearCache && { ...nearCache, maxStaleMs: Math.max(300, nearCache.maxStaleMs) },
    faults: new Map([...[...faults].slice(0, 1), aimed]),
  };
}

function withMapSet(scenario: Scenario, changed: Partial<MapSetPolicy>): Scenario {
  const mapSet = { ...scenario.mapSet, ...changed };
  const grids = scenario.policy.grids.map((grid) => ({ ...grid, mapSets: [mapSet] }));
  return { ...scenario, mapSet, policy: { ...scenario.policy, grids } };
}
