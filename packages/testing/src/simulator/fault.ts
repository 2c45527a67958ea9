/** One fault, with everything that was drawn about it: what a run is made of, and what its decision list keeps. */
import type { Random } from '@ostraca/core';
import * as z from 'zod';
import type { Cluster } from './cluster.ts';
import { FAULT_KINDS, type FaultKind, type Scenario } from './scenario.ts';
import type { World } from './virtual-process.ts';
import type { Workload } from './workload.ts';

const names = z.array(z.string());

export const faultSchema = z.strictObject({
  /** After the chaos began. */
  atMs: z.number().min(0),
  kind: z.enum(FAULT_KINDS),
  /** Until it is mended; 0 where there is nothing to mend. */
  lastingMs: z.number().min(0).default(0),
  /** A second time of the kinds that have one. */
  thenMs: z.number().min(0).default(0),
  /** Processes that it happens to. */
  targets: names.default([]),
  /** Between these groups nothing passes, either way. */
  sides: z.array(names).default([]),
  /** From one process to another: what is cut or blocked. */
  links: z.array(z.tuple([z.string(), z.string()])).default([]),
  /** What the kind measures: a jump in milliseconds, a share, a latency. */
  strength: z.number().default(0),
});
export type Fault = z.output<typeof faultSchema>;

/** What a kind of fault chooses; the rest is empty. */
export type Choice = Partial<Omit<Fault, 'atMs' | 'kind'>>;

/** Where faults happen. */
export interface FaultSite {
  readonly scenario: Scenario;
  readonly world: World;
  readonly cluster: Cluster;
  readonly workload: Workload;
  /** Runs `then` unless the chaos is over by then. */
  readonly after: (delayMs: number, then: () => void) => void;
}

/** How a kind of fault is drawn, and how it happens. Nothing is drawn while it happens. */
export interface FaultRule {
  /** Empty: there is nothing that it could happen to. */
  readonly draw: (site: FaultSite, random: Random) => readonly Choice[];
  /** False: it cannot happen just now, or must not in this scenario. */
  readonly inject: (site: FaultSite, fault: Fault) => boolean;
}

/** When a fault of which kind comes, and the seed of what is open about it. */
export interface PlannedFault {
  readonly atMs: number;
  readonly kind: FaultKind;
  readonly random: Random;
}

/** Each kind comes on its own, at random times around its mean, and each fault has a generator of its own. */
export function planFaults({ faults, chaosMs }: Scenario, random: Random): PlannedFault[] {
  const planned: PlannedFault[] = [];
  for (const kind of FAULT_KINDS) {
    const times = random.fork();
    const meanMs = faults.get(kind);
    if (meanMs === undefined) continue;
    for (let atMs = gapMs(times, meanMs); atMs < chaosMs; atMs += gapMs(times, meanMs))
      planned.push({ atMs, kind, random: times.fork() });
  }
  return planned.sort((a, b) => a.atMs - b.atMs);
}

function gapMs(random: Random, meanMs: number): number {
  return Math.ceil(-meanMs * Math.log(Math.max(random.unit(), 1e-9)));
}

/** Mostly short, sometimes nearly `maxMs`. */
export function drawLasting(random: Random, maxMs: number): number {
  return Math.ceil(50 + maxMs * random.unit() ** 3);
}

/** The shortest silence after which a process counts as gone. */
export function suspectAfterMs({ scenario }: FaultSite): number {
  return scenario.mapSet.failureDetection.suspectAfterMs;
}
