/** Connections that break, stand still or are slow, and processes that do not reach each other. */
import type { Random } from '@ostraca/core';
import { type Choice, drawLasting, type Fault, type FaultRule, type FaultSite, suspectAfterMs } from './fault.ts';
import { containerOf, drawContainer, drawPrimary } from './process-faults.ts';
import { pick } from './scenario.ts';
import type { End } from './virtual-network.ts';

function namesOf({ cluster, workload }: FaultSite): string[] {
  return ['catalog', ...cluster.containers.map(({ name }) => name), ...workload.clientNames];
}

// ── One connection ──────────────────────────────────────────────────────────────────────────────────────────────

/** `strength`: which of those between the two, from 0. */
function drawConnection({ world }: FaultSite, random: Random): Choice[] {
  const connections = world.network.connections();
  if (connections.length === 0) return [];
  const end = pick(random, connections);
  const alike = connections.filter((one) => isBetween(one, end.station.name, end.toName));
  return [{ links: [[end.station.name, end.toName]], strength: alike.indexOf(end) }];
}

function isBetween(end: End, from: string, to: string): boolean {
  return end.station.name === from && end.toName === to;
}

function connectionOf({ world }: FaultSite, { links, strength }: Fault): End | undefined {
  const [link] = links;
  if (link === undefined) return undefined;
  return world.network.connections().filter((end) => isBetween(end, ...link))[strength];
}

function cutRule(halfOpen: boolean): FaultRule {
  return {
    draw: drawConnection,
    inject: (site, fault) => {
      const end = connectionOf(site, fault);
      if (end !== undefined) site.world.network.cut(end, { halfOpen });
      return end !== undefined;
    },
  };
}

const stall: FaultRule = {
  draw: (site, random) =>
    drawConnection(site, random).map((choice) => ({ ...choice, lastingMs: drawLasting(random, 8_000) })),
  inject: (site, fault) => {
    const end = connectionOf(site, fault);
    if (end === undefined) return false;
    site.world.network.stall(end);
    site.after(fault.lastingMs, () => site.world.network.unstall(end));
    return true;
  },
};

// ── Who reaches whom ────────────────────────────────────────────────────────────────────────────────────────────

function block({ world, after }: FaultSite, { sides, links, lastingMs }: Fault): boolean {
  const pairs: (readonly [string, string])[] = [...links];
  for (const [index, side] of sides.entries()) {
    for (const a of side) for (const b of sides.filter((_, other) => other !== index).flat()) pairs.push([a, b]);
  }
  if (pairs.length === 0) return false;
  for (const [from, to] of pairs) world.network.block(from, to);
  after(lastingMs, () => {
    for (const [from, to] of pairs) world.network.unblock(from, to);
  });
  return true;
}

/** These on one side, all others on the other. */
function sidesOf(site: FaultSite, inside: readonly string[]): string[][] {
  return [[...new Set(inside)], namesOf(site).filter((name) => !inside.includes(name))];
}

const partition: FaultRule = {
  draw: (site, random) => {
    const inside = namesOf(site).filter(() => random.below(2) === 0);
    return [{ sides: sidesOf(site, inside), lastingMs: drawLasting(random, 20_000) }];
  },
  inject: block,
};

const isolate: FaultRule = {
  draw: (site, random) => {
    const { cluster } = site;
    const { name } = pick<{ name: string }>(random, [cluster.catalog, ...cluster.containers]);
    return [{ sides: sidesOf(site, [name]), lastingMs: drawLasting(random, 20_000) }];
  },
  inject: block,
};

/**
 * Cuts a primary off, with some of its clients, for about as long as it takes to promote another: what it goes on
 * sending arrives when the newer epoch has hardly begun.
 */
const depose: FaultRule = {
  draw: (site, random) => {
    const configs = (site.cluster.catalog.machine?.state().partitions ?? []).filter((config) => config !== undefined);
    if (configs.length === 0) return [];
    const { container } = pick(random, configs).primary;
    const inside = [container, ...site.workload.clientNames.filter(() => random.below(2) === 0)];
    const lastingMs = Math.ceil(suspectAfterMs(site) * (0.9 + random.unit() ** 2));
    return [{ sides: sidesOf(site, inside), lastingMs }];
  },
  inject: block,
};

/** A primary, some of its clients and perhaps another container are cut off from all others for a few leases. */
const exile: FaultRule = {
  draw: (site, random) => {
    const companions = random.below(2) === 0 ? [drawContainer(site, random)] : [];
    const clients = site.workload.clientNames.filter(() => random.below(2) === 0);
    const inside = [drawPrimary(site, random), ...companions, ...clients];
    const lastingMs = Math.ceil(suspectAfterMs(site) * (2 + 3 * random.unit()));
    return [{ sides: sidesOf(site, inside), lastingMs }];
  },
  inject: block,
};

const oneWay: FaultRule = {
  draw: (site, random) => {
    const names = namesOf(site);
    const from = pick(random, names);
    const to = names.filter((name) => name !== from && random.below(2) === 0);
    const links = to.map((name): [string, string] => (random.below(2) === 0 ? [from, name] : [name, from]));
    return [{ links, lastingMs: drawLasting(random, 20_000) }];
  },
  inject: block,
};

function isContainer({ cluster }: FaultSite, station: End['station']): boolean {
  return cluster.containers.some((process) => process === station);
}

/**
 * A primary and the catalog do not hear each other, and what others dial to it stands still: nobody reports that it
 * is reached, while its own connections work and its replicas go on promising.
 */
const grantsOnly: FaultRule = {
  draw: (site, random) => {
    const name = drawPrimary(site, random);
    const lastingMs = Math.ceil(suspectAfterMs(site) * (1.1 + random.unit()));
    return [{ targets: [name], sides: [[name], ['catalog']], lastingMs }];
  },
  inject: (site, fault) => {
    const { network } = site.world;
    const name = containerOf(site, fault)?.name;
    if (name === undefined) return false;
    const stalled = network
      .connections()
      .filter(({ dialled, toName, station }) => dialled && toName === name && isContainer(site, station));
    for (const end of stalled) network.stall(end);
    site.after(fault.lastingMs, () => {
      for (const end of stalled) network.unstall(end);
    });
    return block(site, fault);
  },
};

/** A replica outside of the in-sync set, if there is one, takes nothing in for a while: what its primary sends stands still. */
const slowReader: FaultRule = {
  draw: (site, random) => {
    const configs = (site.cluster.catalog.machine?.state().partitions ?? []).filter((config) => config !== undefined);
    const readers = configs.flatMap(({ primary, joining, async }) =>
      [...joining, ...async].map(({ container }): [string, string] => [primary.container, container]),
    );
    if (readers.length === 0) return [];
    const lastingMs = Math.ceil(suspectAfterMs(site) * (0.2 + 2 * random.unit()));
    return [{ links: [pick(random, readers)], lastingMs }];
  },
  inject: ({ world, after }, { links: [link], lastingMs }) => {
    if (link === undefined) return false;
    const ends = world.network.connections().filter((end) => isBetween(end, ...link));
    if (ends.length === 0) return false;
    for (const end of ends) world.network.stall(end);
    after(lastingMs, () => {
      for (const end of ends) world.network.unstall(end);
    });
    return true;
  },
};

function containersBut({ cluster }: FaultSite, name: string): string[] {
  return cluster.containers.map((process) => process.name).filter((other) => other !== name);
}

/**
 * A primary and the other containers do not hear each other; the catalog hears all, and clients do. Sometimes the
 * primary does not hear the catalog for a while: from `thenMs` on, if that is not 0.
 */
const estrange: FaultRule = {
  draw: (site, random) => {
    const name = drawPrimary(site, random);
    const thenMs = random.below(2) === 0 ? Math.ceil(suspectAfterMs(site) * 8 * random.unit()) : 0;
    const lastingMs = Math.ceil(suspectAfterMs(site) * (2 + 8 * random.unit()));
    return [{ targets: [name], sides: [[name], containersBut(site, name)], lastingMs, thenMs }];
  },
  inject: (site, fault) => {
    const name = containerOf(site, fault)?.name;
    if (name === undefined) return false;
    if (fault.thenMs > 0) {
      const links: [string, string][] = [['catalog', name]];
      const lastingMs = 2 * suspectAfterMs(site);
      site.after(fault.thenMs, () => block(site, { ...fault, sides: [], links, lastingMs }));
    }
    return block(site, fault);
  },
};

const FLAPS = 4;

/** A container is heard by no other for most of a lease, again and again: it loses its place, and wants it back. */
const flap: FaultRule = {
  draw: (site, random) => {
    const name = drawContainer(site, random);
    const links = containersBut(site, name).map((other): [string, string] => [name, other]);
    return [{ links, lastingMs: Math.ceil(suspectAfterMs(site) * 0.8) }];
  },
  inject: (site, fault) => {
    for (let times = 0; times < FLAPS; times++) site.after(times * 2 * suspectAfterMs(site), () => block(site, fault));
    return fault.links.length > 0;
  },
};

/** `strength`: the median latency. */
const slowNetwork: FaultRule = {
  draw: (_site, random) => [{ strength: pick(random, [20, 60, 150]), lastingMs: drawLasting(random, 5_000) }],
  inject: ({ world, scenario, after }, { strength, lastingMs }) => {
    world.network.latency = { medianMs: strength, spread: 1 };
    after(lastingMs, () => {
      world.network.latency = scenario.latency;
    });
    return true;
  },
};

export const NETWORK_FAULTS = {
  cut: cutRule(false),
  halfOpen: cutRule(true),
  ...{ stall, partition, isolate, depose, exile, oneWay, grantsOnly, slowNetwork, slowReader, estrange, flap },
};
