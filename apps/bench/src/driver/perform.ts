/** One task from its first connection to its figures. */
import { newCalls, newMaterial } from './calls.ts';
import { ClosedLoop } from './closed-loop.ts';
import { load } from './load.ts';
import { cpuSecondsOf, residentBytesOf } from './process-usage.ts';
import { writeSteadily } from './steady-writes.ts';
import { openTarget, type Target } from './target.ts';
import { type LatencyMicros, MAP_NAME, type Measurement, type Task, type Usage } from './task.ts';

const NO_LATENCY: LatencyMicros = { p50: Number.NaN, p99: Number.NaN, p999: Number.NaN, max: Number.NaN };
const IDLE_CONNECTS_AT_ONCE = 20;

export interface Surroundings {
  /** Resolves when whoever waits for us has seen enough. */
  readonly stopped: Promise<void>;
  readonly onMeasuring: () => void;
  /** Runs what is to be profiled, if anything is. */
  readonly profiled: <Result>(run: () => Promise<Result>) => Promise<Result>;
}

export async function perform(task: Task, surroundings: Surroundings): Promise<Measurement> {
  const targets = await openTargets(task);
  if (task.work === 'load') return loadAll(targets[0] as Target, task);
  if (task.work === 'idle') return stayIdle(targets, task, surroundings);
  const loop = new ClosedLoop(callsOf(targets, task), task.inFlight);
  const { waitForReplica } = targets[0] as Target;
  const running = waitForReplica === undefined ? loop.run() : loop.runGroups(waitForReplica);
  const writing = writeSteadily(targets[0] as Target, task);
  const failed = Promise.all([running, writing.failed]).then(
    () => new Promise<never>(() => {}),
    (error) => Promise.reject(error),
  );
  await Promise.race([pause(task.warmUpSeconds), failed]);
  surroundings.onMeasuring();
  return surroundings.profiled(async () => {
    const ended = measure(task);
    loop.startMeasuring();
    await Promise.race([pause(task.seconds), surroundings.stopped, failed]);
    const measurement = ended(loop.operations, loop.latency());
    loop.end();
    writing.end();
    return measurement;
  });
}

async function openTargets({ endpoint, clients = 1 }: Task): Promise<Target[]> {
  const targets: Target[] = [];
  while (targets.length < clients) {
    const more = Math.min(IDLE_CONNECTS_AT_ONCE, clients - targets.length);
    targets.push(...(await Promise.all(Array.from({ length: more }, () => openTarget(endpoint)))));
  }
  return targets;
}

/** Of several clients in turn. */
function callsOf(targets: readonly Target[], task: Task): ReturnType<typeof newCalls> {
  const material = newMaterial(task);
  const all = targets.map((target) => newCalls(target, task, material));
  const first = all[0] as (typeof all)[number];
  if (all.length === 1) return first;
  let turn = 0;
  const next = (): Promise<unknown> => {
    turn = turn + 1 === all.length ? 0 : turn + 1;
    return (all[turn] as typeof first).next();
  };
  return { ...first, next };
}

async function loadAll(target: Target, task: Task): Promise<Measurement> {
  const ended = measure(task);
  let stored = 0;
  await load(target, task, (keys) => {
    stored += keys;
  });
  return ended(stored, NO_LATENCY);
}

/** Connected, each has used every map once, and then nothing until we are stopped. */
async function stayIdle(
  targets: readonly Target[],
  task: Task,
  { stopped, onMeasuring }: Surroundings,
): Promise<Measurement> {
  const maps = task.maps ?? [MAP_NAME];
  for (const target of targets) await Promise.all(maps.map((map) => target.touchMap(map)));
  onMeasuring();
  const ended = measure(task);
  await Promise.race([stopped, pause(task.seconds)]);
  return ended(targets.length, NO_LATENCY);
}

/** Starts the clock; the function that it returns reads it. */
function measure({ servers }: Task): (operations: number, latency: LatencyMicros) => Measurement {
  const cpuSeconds = new Map(Object.entries(servers).map(([part, pid]) => [part, cpuSecondsOf(pid)]));
  const ownCpu = process.cpuUsage();
  const startMs = performance.now();
  return (operations, latency) => {
    const seconds = (performance.now() - startMs) / 1_000;
    const { user, system } = process.cpuUsage(ownCpu);
    const client = { cpuMicrosPerOperation: (user + system) / operations, residentBytes: process.memoryUsage.rss() };
    const usage: Record<string, Usage> = { client };
    for (const [part, pid] of Object.entries(servers)) {
      const used = cpuSecondsOf(pid) - (cpuSeconds.get(part) ?? Number.NaN);
      usage[part] = { cpuMicrosPerOperation: (used * 1e6) / operations, residentBytes: residentBytesOf(pid) };
    }
    return { operations, seconds, operationsPerSecond: operations / seconds, latency, usage };
  };
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}
