/** The client processes of a run. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ClientReport, ClientTask } from './client-process.ts';

export class ClientProcess {
  readonly name: string;
  readonly child: ChildProcess;
  operations = 0;
  readonly #working: Promise<void>;
  readonly #done: Promise<void>;
  #isDone = false;
  #log = '';

  constructor(task: ClientTask) {
    this.name = task.name;
    const file = fileURLToPath(new URL('./client-process.js', import.meta.url));
    this.child = fork(file, [JSON.stringify(task)], { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    this.child.stderr?.on('data', (bytes) => {
      this.#log = (this.#log + String(bytes)).slice(-20_000);
    });
    let onWorking: () => void = () => {};
    this.#working = new Promise((resolve, reject) => {
      onWorking = resolve;
      this.child.once('exit', () => reject(new Error(`${this.name} ended: ${this.#log}`)));
    });
    this.#done = new Promise((resolve, reject) => {
      this.child.on('message', (report: ClientReport) => {
        if (report.type === 'working') onWorking();
        else this.operations = report.operations;
        this.#isDone ||= report.type === 'done';
      });
      this.child.once('exit', (code, signal) => {
        if (this.#isDone) resolve();
        else reject(new Error(`${this.name} ended with ${signal ?? code}: ${this.#log}`));
      });
    });
    // Whoever waits hears of it.
    this.#working.catch(() => {});
    this.#done.catch(() => {});
  }

  async working(): Promise<void> {
    await this.#working;
  }

  /** Waits for the answers that are out. */
  async finish(): Promise<void> {
    if (this.child.connected) this.child.send('stop');
    await this.#done;
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}
