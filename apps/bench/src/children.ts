/** Every process that a run starts. None outlives it: they are killed at its end, whatever ends it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const READY_MS = 60_000;
const LOG_CHARS = 20_000;

export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly process: ChildProcess;
  /** Resolves at its end, to how it ended. */
  readonly ended: Promise<string>;
  /** The tail of what it wrote. */
  log(): string;
}

export interface ChildOptions {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default: the Node.js of this process. */
  readonly program?: string;
}

export class Children {
  readonly #running = new Set<Child>();

  /** Of a Node.js program: with a channel, whose end tells it that we are gone. */
  start(name: string, { args, env, program }: ChildOptions): Child {
    const stdio = ['ignore', 'pipe', 'pipe', ...(program === undefined ? (['ipc'] as const) : [])] as const;
    const child = spawn(program ?? process.execPath, args, { stdio: [...stdio], env: { ...process.env, ...env } });
    let log = '';
    const keep = (text: unknown): void => {
      log = (log + String(text)).slice(-LOG_CHARS);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    const ended = new Promise<string>((resolve) => {
      child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
      child.once('error', (error) => resolve(error.message));
    });
    const one: Child = { name, pid: child.pid ?? 0, process: child, ended, log: () => log };
    this.#running.add(one);
    void ended.then(() => this.#running.delete(one));
    return one;
  }

  async end(child: Child): Promise<void> {
    child.process.kill('SIGKILL');
    await child.ended;
  }

  async endAll(): Promise<void> {
    await Promise.all([...this.#running].map((child) => this.end(child)));
  }

  /** At once: also in a handler of `exit`. */
  killAll(): void {
    for (const { process } of this.#running) process.kill('SIGKILL');
  }
}

/** What the line says that matches. @throws it ended, or said nothing of the kind, with the tail of its output. */
export async function untilLine(child: Child, pattern: RegExp): Promise<RegExpExecArray> {
  const { stdout } = child.process;
  if (stdout === null) throw new Error('stdout is a pipe');
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${child.name} is not ready:\n${child.log()}`)), READY_MS);
    createInterface({ input: stdout }).on('line', (text) => {
      const match = pattern.exec(text);
      if (match === null) return;
      clearTimeout(timer);
      resolve(match);
    });
    void child.ended.then((how) => {
      clearTimeout(timer);
      reject(new Error(`${child.name} ended with ${how}:\n${child.log()}`));
    });
  });
}
