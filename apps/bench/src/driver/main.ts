/**
 * A client process: it is sent one task, does it, says how it went, and ends. It is alone with its connection, as an
 * application would be, and ends with the process that started it.
 */

import { profiled } from '../profiling/profiled.ts';
import { ClosedLoop } from './closed-loop.ts';
import { cpuSecondsOf, residentBytesOf } from './process-usage.ts';
import { openTarget } from './target.ts';
import type { DriverMessage, Measurement, Task, Usage } from './task.ts';

process.once('message', (task: Task) => {
  perform(task).then(
    (measurement) => say({ type: 'done', measurement }),
    (error) => say({ type: 'failed', reason: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));

async function perform(task: Task): Promise<Measurement> {
  const target = await openTarget(task.endpoint);
  const loop = new ClosedLoop(target, task);
  if (task.work === 'load') {
    const ended = measure(loop, task);
    await loop.load();
    return ended();
  }
  // Should a call fail, nobody waits for the end.
  const failed = new Promise<never>((_, reject) => void loop.run().catch(reject));
  await Promise.race([pause(task.warmUpSeconds), failed]);
  say({ type: 'measuring' });
  return profiled(task.profileFile, async () => {
    const ended = measure(loop, task);
    await Promise.race([pause(task.seconds), failed]);
    const measurement = ended();
    loop.end();
    return measurement;
  });
}

/** Starts the clock; the function that it returns reads it. */
function measure(loop: ClosedLoop, { servers }: Task): () => Measurement {
  const cpuSeconds = new Map(Object.entries(servers).map(([part, pid]) => [part, cpuSecondsOf(pid)]));
  const ownCpu = process.cpuUsage();
  const startMs = performance.now();
  loop.startMeasuring();
  return () => {
    const { operations } = loop;
    const seconds = (performance.now() - startMs) / 1_000;
    const { user, system } = process.cpuUsage(ownCpu);
    const client = { cpuMicrosPerOperation: (user + system) / operations, residentBytes: process.memoryUsage.rss() };
    const usage: Record<string, Usage> = { client };
    for (const [part, pid] of Object.entries(servers)) {
      const used = cpuSecondsOf(pid) - (cpuSeconds.get(part) ?? Number.NaN);
      usage[part] = { cpuMicrosPerOperation: (used * 1e6) / operations, residentBytes: residentBytesOf(pid) };
    }
    return { operations, seconds, operationsPerSecond: operations / seconds, latency: loop.latency(), usage };
  };
}

function say(message: DriverMessage): void {
  process.send?.(message);
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}
