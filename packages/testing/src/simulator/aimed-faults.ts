/** Faults that open one narrow window on purpose: chance alone comes to it once in thousands of runs. */
import type { PartitionConfig, Random } from '@ostraca/core';
import { type Fault, type FaultRule, type FaultSite, suspectAfterMs } from './fault.ts';
import { pick } from './scenario.ts';
import type { End } from './virtual-network.ts';

/** How often it is looked whether another primary was named. */
const LOOK_MS = 5;
/** Until a new primary gets its lease, after old answers have gone on. */
const LEASELESS_MS = 20;
/** One each millisecond. */
const HOLD_LOOKS_MAX = 1_000;

function configsOf({ cluster }: FaultSite): PartitionConfig[] {
  return (cluster.catalog.machine?.state().partitions ?? []).filter((config) => config !== undefined);
}

function endsBetween({ world }: FaultSite, links: readonly (readonly [string, string])[]): End[] {
  return world.network
    .connections()
    .filter((end) => links.some(([from, to]) => end.station.name === from && end.toName === to));
}

/** From a primary to a client. */
function drawAnswers(site: FaultSite, random: Random): [string, string] | undefined {
  const configs = configsOf(site);
  if (configs.length === 0) return undefined;
  return [pick(random, configs).primary.container, pick(random, site.workload.callers).name];
}

/** Lets all that stands still go on. */
function stall(site: FaultSite, links: Fault['links']): (() => void) | undefined {
  const { network } = site.world;
  const ends = endsBetween(site, links);
  for (const end of ends) network.stall(end);
  if (ends.length === 0) return undefined;
  return once(() => {
    for (const end of ends) network.unstall(end);
  });
}

/**
 * What a primary sends to a client stands still for less than a near cache may be stale: what the client hears of a
 * replica meanwhile is newer than what it has near itself.
 */
const lateWords: FaultRule = {
  draw: (site, random) => {
    const link = drawAnswers(site, random);
    const { maxStaleMs } = site.scenario.nearCache ?? { maxStaleMs: 300 };
    return link === undefined ? [] : [{ links: [link], lastingMs: Math.ceil(maxStaleMs * (0.3 + random.unit())) }];
  },
  inject: (site, { links, lastingMs }) => {
    const goOn = stall(site, links);
    if (goOn !== undefined) site.after(lastingMs, goOn);
    return goOn !== undefined;
  },
};

/**
 * A primary is cut off from the others, and what it sends to a client stands still until `thenMs` after another was named: answers
 * of the old one come when the new one has told of changes. From `strength` milliseconds on the catalog hears nobody, so
 * the new one gets no lease of it and answers no read before its replicas have promised something.
 */
const lateAnswers: FaultRule = {
  draw: (site, random) => {
    const link = drawAnswers(site, random);
    if (link === undefined) return [];
    const [container] = link;
    const others = site.cluster.containers.map(({ name }) => name).filter((name) => name !== container);
    const leaseMs = suspectAfterMs(site);
    const lastingMs = Math.ceil(leaseMs * (1.5 + random.unit()));
    const times = {
      lastingMs,
      thenMs: 5 + random.below(60),
      strength: Math.ceil(leaseMs * (0.6 + 0.2 * random.unit())),
    };
    return [{ links: [link], sides: [[container], ['catalog', ...others]], ...times }];
  },
  inject: (site, { links, sides, lastingMs, thenMs, strength }) => {
    const { network } = site.world;
    const goOn = stall(site, links);
    if (goOn === undefined) return false;
    const [inside = [], outside = []] = sides;
    const pairs = inside.flatMap((a) => outside.map((b): [string, string] => [a, b]));
    for (const [a, b] of pairs) network.block(a, b);
    let hear: (() => void) | undefined;
    const end = once(() => {
      goOn();
      hear?.();
      for (const [a, b] of pairs) network.unblock(a, b);
    });
    const heartbeats = outside.map((name): [string, string] => [name, 'catalog']);
    site.after(strength, () => {
      hear = stall(site, heartbeats);
    });
    site.after(lastingMs, end);
    whenSucceeded(site, inside, () => {
      site.after(thenMs, goOn);
      site.after(thenMs + LEASELESS_MS, end);
    });
    return true;
  },
};

function once(act: () => void): () => void {
  let isOver = false;
  return () => {
    if (!isOver) act();
    isOver = true;
  };
}

/** Calls `then` once, when one of the partitions of which `names` has the primary has another one. */
function whenSucceeded(site: FaultSite, names: readonly string[], then: () => void): void {
  const before = configsOf(site).filter(({ primary }) => names.includes(primary.container));
  const look = (): void => {
    const now = configsOf(site);
    const isSucceeded = before.some(({ partition, epoch }) =>
      now.some((config) => config.partition === partition && config.epoch > epoch),
    );
    if (isSucceeded) then();
    else site.after(LOOK_MS, look);
  };
  look();
}

/**
 * The replicas in sync refuse all records. When another copy holds one, what the primary sends to it stands still, so that it does
 * not hear that it was rolled back; `thenMs` later all of S dies, and is seen to.
 */
const lastCopy: FaultRule = {
  draw: (site, random) => {
    const configs = configsOf(site).filter(({ joining, async }) => joining.length + async.length > 0);
    if (configs.length === 0) return [];
    const config = pick(random, configs);
    const copies = [...config.joining, ...config.async].map(({ container }) => container);
    const primary = config.primary.container;
    const replicas = config.sync.map(({ container }) => container).filter((name) => name !== primary);
    const links = copies.map((copy): [string, string] => [primary, copy]);
    const lastingMs = 50 + random.below(1_000);
    return [{ targets: [primary, ...replicas], links, lastingMs, thenMs: 20 + random.below(200) }];
  },
  inject: (site, { targets, links, lastingMs, thenMs }) => {
    const { cluster, world, scenario, after } = site;
    const members = cluster.containers.filter(({ name }) => targets.includes(name));
    if (scenario.isGentle || members.some((process) => !process.isAlive || process.isStopped)) return false;
    const replicas = targets.slice(1);
    for (const name of replicas) cluster.refusals.set(name, 1);
    whenOneHolds(site, links, (isHeld) => {
      const stalled = isHeld ? endsBetween(site, links) : [];
      for (const end of stalled) world.network.stall(end);
      after(thenMs, () => {
        for (const name of replicas) cluster.refusals.delete(name);
        if (isHeld) for (const process of members) cluster.crashContainer(process, false);
        for (const end of stalled) world.network.unstall(end);
        after(lastingMs, () => {
          for (const process of members) cluster.startContainer(process);
        });
      });
    });
    return true;
  },
};

/** Calls `then` when a copy outside of S holds a record of which it does not know the outcome, or with false after a second. */
function whenOneHolds(
  site: FaultSite,
  links: readonly (readonly [string, string])[],
  then: (isHeld: boolean) => void,
): void {
  const { cluster, after } = site;
  const holds = ([primary, copy]: readonly [string, string]): boolean => {
    const shards = configsOf(site)
      .filter((config) => config.primary.container === primary)
      .map(({ partition }) => cluster.container(copy).machine?.inspectShard(partition));
    return shards.some((shard) => {
      if (shard === undefined || shard.log.lastLsn === shard.decidedLsn) return false;
      const { lastLsn } = shard.log;
      return shard.log.at(lastLsn).aborted.length === 0 && shard.log.at(lastLsn).operations.length > 0;
    });
  };
  let looks = 0;
  const look = (): void => {
    looks += 1;
    const isHeld = links.some(holds);
    if (isHeld || looks > HOLD_LOOKS_MAX) then(isHeld);
    else after(1, look);
  };
  // What was sent before is not refused.
  after(LOOK_MS, look);
}

export const AIMED_FAULTS = { lateWords, lateAnswers, lastCopy };
