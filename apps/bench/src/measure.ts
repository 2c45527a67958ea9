/** One measurement: one client process, which lives as long as it takes. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Children } from './children.ts';
import type { DriverMessage, Measurement, Task } from './driver/task.ts';
import { type Profiling, ServerProfiles } from './profiling/server-profiles.ts';
import type { Contender } from './systems/system.ts';

const DRIVER = fileURLToPath(new URL('./driver/main.js', import.meta.url));
/** Beyond the time that the task asks for: to connect, to load. */
const DEADLINE_MS = 1_800_000;

export interface TaskOptions {
  readonly contender: Contender;
  readonly task: Omit<Task, 'endpoint' | 'servers'>;
  readonly profiling?: Profiling;
}

/** A client process at its task. */
export interface RunningTask {
  /** Resolves when its warm-up is over. */
  readonly measuring: Promise<void>;
  /** Rejects with the client's reason, or with how it ended. */
  readonly finished: Promise<Measurement>;
  /** Ends it before its time. */
  stop(): void;
}

/** @throws the client's reason, or how it ended. */
export async function measure(children: Children, options: TaskOptions): Promise<Measurement> {
  return startTask(children, options).finished;
}

export function startTask(children: Children, { contender, task, profiling }: TaskOptions): RunningTask {
  const { system, endpoint } = contender;
  const child = children.start(`client of ${contender.name}`, { args: [DRIVER] });
  const profiles = new ServerProfiles(system, profiling);
  let measures: () => void = () => {};
  const measuring = new Promise<void>((resolve) => {
    measures = resolve;
  });
  const heard = new Promise<Measurement>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('it takes too long')), DEADLINE_MS + task.seconds * 1_000);
    child.process.on('message', (message: DriverMessage) => {
      if (message.type === 'done') resolve(message.measurement);
      else if (message.type === 'failed') reject(new Error(message.reason));
      else {
        profiles.start();
        measures();
      }
    });
    void child.ended.then((how) => {
      clearTimeout(timer);
      reject(new Error(`it ended with ${how}:\n${child.log()}`));
    });
  });
  const finish = async (): Promise<Measurement> => {
    try {
      return await heard;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`${system.name} by ${contender.name}, ${task.work}, ${task.inFlight} in flight: ${reason}`);
    } finally {
      await profiles.end();
      await children.end(child);
    }
  };
  const profileFile = profiling && { profileFile: join(profiling.folder, `client-of-${profiling.name}.cpuprofile`) };
  child.process.send({ ...task, ...profileFile, endpoint, servers: system.servers } satisfies Task);
  return { measuring, finished: finish(), stop: () => void child.process.send({ type: 'stop' }) };
}
