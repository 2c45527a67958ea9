/** One measurement: one client process, which lives as long as it takes. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Children } from './children.ts';
import type { DriverMessage, Measurement, Task } from './driver/task.ts';
import { toggleProfile } from './profiling/profiling.ts';
import type { Contender } from './systems/system.ts';

const DRIVER = fileURLToPath(new URL('./driver/main.js', import.meta.url));
/** Beyond the time that the task asks for: to connect, to load. */
const DEADLINE_MS = 600_000;

export interface Profiling {
  readonly folder: string;
  /** Of the client's file. */
  readonly name: string;
}

/** @throws the client's reason, or how it ended. */
export async function measure(
  children: Children,
  {
    contender,
    task,
    profiling,
  }: { contender: Contender; task: Omit<Task, 'endpoint' | 'servers'>; profiling?: Profiling },
): Promise<Measurement> {
  const { system, endpoint } = contender;
  const child = children.start(`client of ${contender.name}`, { args: [DRIVER] });
  const profiled = profiling === undefined ? [] : system.profiled.map((part) => system.servers[part] as number);
  const finished = new Promise<Measurement>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('it takes too long')), DEADLINE_MS + task.seconds * 1_000);
    child.process.on('message', (message: DriverMessage) => {
      if (message.type === 'measuring') profiled.forEach(toggleProfile);
      else if (message.type === 'done') resolve(message.measurement);
      else reject(new Error(message.reason));
    });
    void child.ended.then((how) => {
      clearTimeout(timer);
      reject(new Error(`it ended with ${how}:\n${child.log()}`));
    });
  });
  try {
    const profileFile = profiling === undefined ? {} : { profileFile: join(profiling.folder, profiling.name) };
    child.process.send({ ...task, ...profileFile, endpoint, servers: system.servers } satisfies Task);
    return await finished;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${system.name} by ${contender.name}, ${task.work}, ${task.inFlight} in flight: ${reason}`);
  } finally {
    profiled.forEach(toggleProfile);
    await children.end(child);
  }
}
