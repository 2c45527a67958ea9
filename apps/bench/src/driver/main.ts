/**
 * A client process: it is sent one task, does it, says how it went, and ends. It is alone with its connections, as an
 * application would be, and ends with the process that started it.
 */
import { profiled } from '../profiling/profiled.ts';
import { perform } from './perform.ts';
import type { DriverMessage, Task } from './task.ts';

process.once('message', (task: Task) => {
  const say = (message: DriverMessage): void => void process.send?.(message);
  const stopped = new Promise<void>((resolve) => void process.once('message', () => resolve()));
  perform(task, {
    stopped,
    onMeasuring: () => say({ type: 'measuring' }),
    profiled: (run) => profiled(task.profileFile, run),
  }).then(
    (measurement) => say({ type: 'done', measurement }),
    (error) => say({ type: 'failed', reason: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
