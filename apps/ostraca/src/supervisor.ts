/**
 * Starts containers as processes of their own and stands by them: the one who started a process is the one who can
 * prove that it has ended, so that nobody has to wait for its lease.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { randomHex } from '@ostraca/runtime';
import type { SupervisorMessage } from './ending.ts';
import { reportDeath } from './proved-dead.ts';

/** Environment of a supervised container: its incarnation, which the supervisor must know to prove its end. */
export const INCARNATION_VARIABLE = 'OSTRACA_INCARNATION';
const PROGRAM = fileURLToPath(new URL('../bin/ostraca.js', import.meta.url));

/** What a supervised container says when it is ready. */
export interface ReadyMessage {
  readonly type: 'ready';
  readonly url: string;
}

export interface ContainerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ContainerProcess {
  readonly name: string;
  readonly pid: number;
  readonly incarnation: string;
  /** Resolves to its address, or to undefined when it ended before. */
  readonly ready: Promise<string | undefined>;
  readonly exited: Promise<ContainerExit>;
  isRunning(): boolean;
  tell(message: SupervisorMessage): void;
  kill(): void;
}

export interface StartOptions {
  readonly name: string;
  /** Arguments of `ostraca container`, without the name. */
  readonly args: readonly string[];
  /** Beside our own. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Its standard output and error are ours: it prints its ready line itself. */
export function startProcess({ name, args, env }: StartOptions): ContainerProcess {
  const incarnation = randomHex(32);
  const child = fork(PROGRAM, ['container', '--name', name, ...args], {
    env: { ...process.env, ...env, [INCARNATION_VARIABLE]: incarnation },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = new Promise<ContainerExit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: null, signal: null }));
  });
  return {
    name,
    pid: child.pid ?? 0,
    incarnation,
    exited,
    ready: Promise.race([readyUrl(child), exited.then(() => undefined)]),
    isRunning: () => child.exitCode === null && child.signalCode === null && child.pid !== undefined,
    tell: (message) => {
      if (child.connected) child.send(message, () => {});
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

function readyUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.on('message', (message: ReadyMessage) => {
      if (message.type === 'ready') resolve(message.url);
    });
  });
}

export interface SupervisionOptions {
  readonly catalogs: readonly string[];
  /** A death that nobody asked for. */
  readonly onDeath: (container: ContainerProcess, exit: ContainerExit) => void;
}

export class Supervisor {
  readonly containers: ContainerProcess[] = [];
  readonly #options: SupervisionOptions;
  readonly #reports = new Set<Promise<unknown>>();
  #isEnding = false;

  constructor(options: SupervisionOptions) {
    this.#options = options;
  }

  start(options: StartOptions): ContainerProcess {
    const container = startProcess(options);
    this.containers.push(container);
    void container.exited.then((exit) => {
      if (this.#isEnding) return;
      const { name, incarnation } = container;
      const report = reportDeath({ container: name, incarnation }, this.#options.catalogs);
      this.#reports.add(report);
      void report.catch(() => false).finally(() => this.#reports.delete(report));
      this.#options.onDeath(container, exit);
    });
    return container;
  }

  runningCount(): number {
    return this.containers.filter((container) => container.isRunning()).length;
  }

  /** Asks all to end, in their order or at once, and resolves when none is left. Whoever takes longer than `killAfterMs` is killed. */
  async end(message: SupervisorMessage, killAfterMs: number): Promise<void> {
    this.#isEnding = true;
    for (const container of this.containers) container.tell(message);
    const timer = setTimeout(() => {
      for (const container of this.containers) container.kill();
    }, killAfterMs);
    await Promise.all(this.containers.map(({ exited }) => exited));
    clearTimeout(timer);
  }

  /** Resolves when every death was reported, or could not be. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#reports);
  }
}
