/** Processes that die, stand still, sleep or leave. */
import { type Container, type Machine, must, type Random } from '@ostraca/core';
import { drawLasting, type Fault, type FaultRule, type FaultSite, suspectAfterMs } from './fault.ts';
import { pick } from './scenario.ts';
import type { VirtualProcess } from './virtual-process.ts';

export function drawContainer({ cluster }: FaultSite, random: Random): string {
  return pick(random, cluster.containers).name;
}

/** Mostly one that is the primary of something. */
export function drawPrimary(site: FaultSite, random: Random): string {
  const configs = (site.cluster.catalog.machine?.state().partitions ?? []).filter((config) => config !== undefined);
  if (configs.length === 0 || random.below(4) === 0) return drawContainer(site, random);
  return pick(random, configs).primary.container;
}

/** A list that lost a container may still name it. */
export function containerOf({ cluster }: FaultSite, { targets }: Fault): VirtualProcess<Container> | undefined {
  return cluster.containers.find(({ name }) => name === targets[0]);
}

function crashRule(silently: boolean): FaultRule {
  return {
    draw: (site, random) => [
      { targets: [drawContainer(site, random)], lastingMs: drawLasting(random, site.scenario.downMsMax) },
    ],
    inject: (site, fault) => crash(site, fault, silently),
  };
}

function crash(site: FaultSite, fault: Fault, silently: boolean): boolean {
  const process = containerOf(site, fault);
  if (process?.isAlive !== true || (site.scenario.isGentle && !canSpare(site, process))) return false;
  site.cluster.crashContainer(process, silently);
  site.after(fault.lastingMs, () => site.cluster.startContainer(process));
  return true;
}

/** Whether every partition has another full copy, by the catalog's word, and nobody else is gone or about to go. */
function canSpare({ cluster, scenario }: FaultSite, process: VirtualProcess<Container>): boolean {
  const state = cluster.catalog.machine?.state();
  if (state === undefined || cluster.containers.some((one) => one.machine?.status().draining !== false)) return false;
  // A catalog that rebuilds knows of copies that it does not count yet.
  if (state.partitions.length < scenario.mapSet.numberOfPartitions) return false;
  return state.partitions.every((config) => {
    if (config === undefined || config.lost) return false;
    // Nor what its primary has asked for: the copy that it counts on may be about to be evicted.
    const asks = cluster.containers.some(
      ({ machine }) => machine?.inspectShard(config.partition)?.primary?.pending?.kind === 'evict',
    );
    if (asks) return false;
    // The catalog may not have heard yet that a member died: its new life counts for nothing.
    const others = config.sync.filter(
      ({ incarnation }) => incarnation !== process.peer.incarnation && !cluster.dead.has(incarnation),
    );
    return others.length >= Math.max(1, scenario.mapSet.minSyncReplicas) && config.elr.length === 0;
  });
}

const crashMany: FaultRule = {
  draw: ({ cluster, scenario }, random) =>
    cluster.containers
      .filter(() => random.below(3) === 0)
      .map(({ name }) => ({ targets: [name], lastingMs: drawLasting(random, scenario.downMsMax) })),
  inject: (site, fault) => !site.scenario.isGentle && crash(site, fault, false),
};

/** It stands still: its events wait. With strength 1 its whole machine sleeps. */
export function stopFor<M extends Machine>(
  site: FaultSite,
  process: VirtualProcess<M> | undefined,
  { lastingMs, strength }: Pick<Fault, 'lastingMs' | 'strength'>,
): boolean {
  if (process?.isAlive !== true || process.isStopped) return false;
  if (strength === 1) process.sleep();
  else process.stop();
  site.after(lastingMs, () => process.continue());
  return true;
}

const stop: FaultRule = {
  draw: (site, random) => [{ targets: [drawContainer(site, random)], lastingMs: drawLasting(random, 12_000) }],
  inject: (site, fault) => stopFor(site, containerOf(site, fault), fault),
};

/** A machine sleeps: mostly one with a primary, for some part of a lease or a few of them. */
const suspend: FaultRule = {
  draw: (site, random) => {
    const lastingMs = Math.ceil(suspectAfterMs(site) * 4 * random.unit() ** 2);
    return [{ targets: [drawPrimary(site, random)], lastingMs }];
  },
  inject: (site, fault) => {
    const process = containerOf(site, fault);
    if (process?.isAlive !== true || process.isStopped) return false;
    process.sleep();
    site.after(fault.lastingMs, () => process.continue());
    return true;
  },
};

/** SIGTERM: it hands over, leaves, and is started again. It may be the last copy that leaves, unless gently. */
const drain: FaultRule = {
  draw: (site, random) => [{ targets: [drawContainer(site, random)] }],
  inject: (site, fault) => {
    const process = containerOf(site, fault);
    if (process?.isAlive !== true || process.isStopped || (site.scenario.isGentle && !canSpare(site, process)))
      return false;
    const { incarnation } = process.peer;
    process.post(() => process.machine?.drain(process.clockMs));
    const look = (): void => {
      if (!process.isAlive || process.peer.incarnation !== incarnation) return;
      if (process.machine?.status().left !== true) {
        site.after(100, look);
        return;
      }
      site.cluster.crashContainer(process, false);
      site.cluster.startContainer(process);
    };
    site.after(100, look);
    return true;
  },
};

/** Somebody sets the calendar. */
const wallJump: FaultRule = {
  draw: (site, random) => [{ targets: [drawContainer(site, random)], strength: pick(random, [-3_600_000, 3_600_000]) }],
  inject: (site, fault) => {
    const process = containerOf(site, fault);
    process?.jumpWall(fault.strength);
    return process !== undefined;
  },
};

const clientCrash: FaultRule = {
  draw: ({ workload }, random) => [{ targets: [pick(random, workload.callers).name] }],
  inject: ({ workload }, { targets }) => workload.crashClient(must(targets[0], 'target')),
};

const clientStop: FaultRule = {
  draw: ({ workload }, random) => [
    {
      targets: [pick(random, workload.callers).name],
      lastingMs: drawLasting(random, 20_000),
      strength: random.below(2),
    },
  ],
  inject: (site, fault) => {
    const process = site.workload.callers.find(({ name }) => name === fault.targets[0]);
    return stopFor(site, process, fault);
  },
};

export const PROCESS_FAULTS = {
  crash: crashRule(false),
  silentCrash: crashRule(true),
  ...{ crashMany, stop, suspend, drain, wallJump, clientCrash, clientStop },
};
