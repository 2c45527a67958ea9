/** What happens to the catalog, to its disk, and to what it says. */
import type { Container } from '@ostraca/core';
import { drawLasting, type FaultRule, suspectAfterMs } from './fault.ts';
import { containerOf, drawPrimary, stopFor } from './process-faults.ts';
import { pick } from './scenario.ts';
import type { VirtualProcess } from './virtual-process.ts';

/** Of an fsync, when nothing is wrong. */
const FSYNC_MS = 2;

const catalogCrash: FaultRule = {
  draw: (_site, random) => [{ lastingMs: drawLasting(random, 5_000) }],
  inject: ({ cluster, after }, { lastingMs }) => {
    if (!cluster.catalog.isAlive) return false;
    cluster.crashCatalog();
    after(lastingMs, () => cluster.startCatalog());
    return true;
  },
};

const catalogStop: FaultRule = {
  draw: (_site, random) => [{ lastingMs: drawLasting(random, 5_000), strength: random.below(2) }],
  inject: (site, fault) => stopFor(site, site.cluster.catalog, fault),
};

/** The catalog starts again without its journal; somebody is there who can tell it so. */
const catalogLoss: FaultRule = {
  draw: (_site, random) => [{ lastingMs: drawLasting(random, 5_000) }],
  inject: ({ cluster, world, after }, { lastingMs }) => {
    const isWitness = ({ machine, isStopped }: VirtualProcess<Container>): boolean =>
      !isStopped && machine !== undefined && machine.status().generation !== '' && !machine.status().draining;
    // The next catalog takes the grid for a new one if it meets nobody first who knows better.
    const alive = cluster.containers.filter((process) => process.isAlive);
    if (!cluster.catalog.isAlive || cluster.knowsNothing || alive.length === 0 || !alive.every(isWitness)) return false;
    world.network.heal();
    cluster.loseCatalog();
    after(lastingMs, () => cluster.startCatalog());
    return true;
  },
};

/** `strength`: milliseconds of one fsync. */
const slowDisk: FaultRule = {
  draw: (_site, random) => [{ strength: pick(random, [50, 300, 1_000]), lastingMs: drawLasting(random, 5_000) }],
  inject: ({ cluster, after }, { strength, lastingMs }) => {
    cluster.journal.fsyncMs = strength;
    after(lastingMs, () => {
      cluster.journal.fsyncMs = FSYNC_MS;
    });
    return true;
  },
};

/**
 * A primary's machine is away for as long as it takes to promote another, while the catalog's disk is slow; what the
 * catalog sends it after the first answers arrives late. `thenMs`: from its return until nothing arrives any more.
 * `strength`: 1 if its machine sleeps.
 */
const lateNews: FaultRule = {
  draw: (site, random) => {
    const lastingMs = Math.ceil(suspectAfterMs(site) * (0.95 + 0.2 * random.unit()));
    const thenMs = Math.ceil(suspectAfterMs(site) * 0.3 * random.unit());
    const targets = [drawPrimary(site, random)];
    // The process alone, or the machine under it.
    const strength = site.scenario.isCrowded && random.below(2) === 0 ? 1 : 0;
    return [{ targets, lastingMs, thenMs, strength }];
  },
  inject: (site, fault) => {
    const { cluster, world, after } = site;
    const process = containerOf(site, fault);
    if (process?.isAlive !== true || process.isStopped) return false;
    cluster.journal.fsyncMs = suspectAfterMs(site) / 2;
    if (fault.strength > 0) process.sleep();
    else process.stop();
    after(fault.lastingMs, () => {
      process.continue();
      after(fault.thenMs, () => {
        world.network.block(cluster.catalog.name, process.name);
        after(suspectAfterMs(site) * 2, () => {
          world.network.unblock(cluster.catalog.name, process.name);
          cluster.journal.fsyncMs = FSYNC_MS;
        });
      });
    });
    return true;
  },
};

export const CATALOG_FAULTS = { catalogCrash, catalogStop, catalogLoss, slowDisk, lateNews };
