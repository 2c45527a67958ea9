/**
 * One seed decides what is started, what its clients do, and which faults come when. What a fault meets is up to the
 * machine: real processes are not repeated exactly, but the same pressure is.
 */
import { must, newRandom, type Random } from '@ostraca/core';
import { CATALOG } from './network.ts';
import type { WayFault } from './way.ts';

export const NETWORK_FAULTS = ['delay', 'throttle', 'hold', 'silence', 'halfOpen', 'cut', 'refuse'] as const;
export type NetworkFaultKind = (typeof NETWORK_FAULTS)[number];

export const PROCESS_FAULTS = [
  'kill',
  'stop',
  'terminate',
  'killCatalog',
  'stopCatalog',
  'terminateCatalog',
  'stopClient',
  'fullDisk',
] as const;
export type ProcessFaultKind = (typeof PROCESS_FAULTS)[number];

export interface NetworkFault {
  readonly atMs: number;
  readonly kind: NetworkFaultKind;
  readonly durationMs: number;
  /** From, to. */
  readonly ways: readonly (readonly [string, string])[];
  readonly fault: WayFault;
  /** For people. */
  readonly where: string;
}

export interface ProcessFault {
  /** Not before; and not before the one before it is over, unless it overlaps. */
  readonly atMs: number;
  readonly kind: ProcessFaultKind;
  /** Whom to take, the first that may be taken. */
  readonly order: readonly string[];
  /** Stopped for so long, or away before it is started again. */
  readonly durationMs: number;
  /** The next one need not wait for its end. */
  readonly overlaps: boolean;
}

export interface Scenario {
  readonly seed: number;
  readonly chaosMs: number;
  readonly containers: readonly string[];
  readonly clients: readonly string[];
  readonly partitions: number;
  readonly maxSyncReplicas: number;
  readonly failureDetection: 'aggressive' | 'typical';
  readonly networkFaults: readonly NetworkFault[];
  readonly processFaults: readonly ProcessFault[];
}

const NETWORK_PAUSE_MS = 2_000;
const PROCESS_PAUSE_MS = 6_000;

export function scenarioOf(seed: number, chaosMs: number): Scenario {
  const random = newRandom(seed);
  const shape = random.fork();
  const containers = names('c', 3 + shape.below(3));
  const clients = names('client', 2 + shape.below(3));
  const members: Members = { containers, clients };
  return {
    seed,
    chaosMs,
    containers,
    clients,
    partitions: 7 + shape.below(7),
    maxSyncReplicas: shape.below(4) === 0 ? 1 : 2,
    failureDetection: shape.below(4) === 0 ? 'typical' : 'aggressive',
    networkFaults: drawAll(random.fork(), { chaosMs, pauseMs: NETWORK_PAUSE_MS }, (one, atMs) =>
      drawNetworkFault(one, atMs, members),
    ),
    processFaults: drawAll(random.fork(), { chaosMs, pauseMs: PROCESS_PAUSE_MS }, (one, atMs) =>
      drawProcessFault(one, atMs, members),
    ),
  };
}

export function describeScenario(scenario: Scenario): string {
  const { containers, clients, partitions, maxSyncReplicas, failureDetection } = scenario;
  return (
    `${containers.length} containers, ${clients.length} clients, ${partitions} partitions, minSyncReplicas 1, ` +
    `maxSyncReplicas ${maxSyncReplicas}, failureDetection ${failureDetection}`
  );
}

interface Members {
  readonly containers: readonly string[];
  readonly clients: readonly string[];
}

function drawAll<Fault>(
  random: Random,
  { chaosMs, pauseMs }: { readonly chaosMs: number; readonly pauseMs: number },
  draw: (random: Random, atMs: number) => Fault,
): Fault[] {
  const faults: Fault[] = [];
  for (let atMs = 500; ; ) {
    // Uniform, not exponential: a fault takes some time to show, and long quiet stretches test nothing.
    atMs += pauseMs * (0.25 + 1.5 * random.unit());
    if (atMs >= chaosMs) return faults;
    faults.push(draw(random.fork(), Math.round(atMs)));
  }
}

function drawNetworkFault(random: Random, atMs: number, members: Members): NetworkFault {
  const kind = pick(random, NETWORK_FAULTS);
  const { where, pairs } = drawWhere(random, members);
  // Apart for long enough to be given up, if many are.
  const isWide = pairs.length > 1;
  const durationMs = kind === 'refuse' ? between(random, 200, 2_000) : skewed(random, isWide ? 400 : 200, 6_000);
  const [first] = pairs;
  const [a, b] = must(first, 'a pair');
  if (kind === 'halfOpen') {
    const isForth = random.below(2) === 0;
    const ways = pairs.map(([from, to]) => (isForth ? ([from, to] as const) : ([to, from] as const)));
    const [one, other] = isForth ? [a, b] : [b, a];
    const words = pairs.length > 1 ? `${where}, ${isForth ? 'from it' : 'to it'}` : `${one} to ${other}`;
    return { atMs, kind, durationMs, ways, fault: { flow: 'swallow' }, where: words };
  }
  const ways = pairs.flatMap(([from, to]): (readonly [string, string])[] => [
    [from, to],
    [to, from],
  ]);
  return { atMs, kind, durationMs, ways, fault: drawFault(random, kind), where };
}

function drawFault(random: Random, kind: Exclude<NetworkFaultKind, 'halfOpen'>): WayFault {
  switch (kind) {
    case 'delay':
      return { delayMs: skewed(random, 2, 400), jitterMs: skewed(random, 1, 200) };
    case 'throttle':
      return { bytesPerSecond: skewed(random, 2_000, 200_000) };
    case 'hold':
      return { flow: 'hold' };
    case 'silence':
      return { flow: 'swallow' };
    case 'cut':
      return { cut: true };
    case 'refuse':
      return {};
  }
}

/** One pair of processes, all pairs of one process or of one kind, or a container and a client apart from the rest. */
function drawWhere(
  random: Random,
  { containers, clients }: Members,
): { where: string; pairs: readonly (readonly [string, string])[] } {
  const draw = random.below(100);
  const container = pick(random, containers);
  const client = pick(random, clients);
  const others = containers.filter((name) => name !== container);
  if (draw < 25) return pairOf(container, pick(random, others));
  if (draw < 37) return pairOf(container, CATALOG);
  if (draw < 50) return pairOf(client, container);
  if (draw < 55) return pairOf(client, CATALOG);
  const to = (peers: readonly string[]) => peers.map((peer) => [container, peer] as const);
  if (draw < 68) return { where: `${container} and everybody`, pairs: to([...others, CATALOG, ...clients]) };
  if (draw < 74) return { where: `${container} and the other containers`, pairs: to(others) };
  if (draw < 80) return { where: 'the catalog and all containers', pairs: containers.map((name) => [name, CATALOG]) };
  // The client stays with a primary that the rest of the grid has given up: whoever reads there reads old values.
  const beyond = [...others, CATALOG];
  const pairs = [...to(beyond), ...beyond.map((peer) => [client, peer] as const)];
  return { where: `${container} with ${client} and everybody else`, pairs };
}

function pairOf(a: string, b: string): { where: string; pairs: readonly (readonly [string, string])[] } {
  return { where: `${a} and ${b}`, pairs: [[a, b]] };
}

function drawProcessFault(random: Random, atMs: number, { containers, clients }: Members): ProcessFault {
  const kind = drawProcessKind(random);
  const isStop = kind === 'stop' || kind === 'stopCatalog' || kind === 'stopClient';
  const durationMs = isStop ? skewed(random, 100, 15_000) : between(random, 0, 3_000);
  const order = shuffled(random, kind === 'stopClient' ? clients : containers);
  const overlaps = (kind === 'stop' || kind === 'stopClient') && random.below(2) === 0;
  return { atMs, kind, order, durationMs, overlaps };
}

function drawProcessKind(random: Random): ProcessFaultKind {
  const draw = random.below(100);
  if (draw < 34) return 'kill';
  if (draw < 58) return 'stop';
  if (draw < 70) return 'terminate';
  if (draw < 80) return 'killCatalog';
  if (draw < 85) return 'stopCatalog';
  if (draw < 89) return 'terminateCatalog';
  return draw < 94 ? 'stopClient' : 'fullDisk';
}

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
}

function pick<T>(random: Random, from: readonly T[]): T {
  return must(from[random.below(from.length)], 'something to pick from');
}

function shuffled<T>(random: Random, from: readonly T[]): T[] {
  const left = [...from];
  const order: T[] = [];
  while (left.length > 0) order.push(...left.splice(random.below(left.length), 1));
  return order;
}

function between(random: Random, min: number, max: number): number {
  return Math.round(min + random.unit() * (max - min));
}

/** As often between 1 and 10 as between 10 and 100. */
function skewed(random: Random, min: number, max: number): number {
  return Math.round(min * (max / min) ** random.unit());
}
