/** The profiles of a system's processes over one measurement. */
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { System } from '../systems/system.ts';

const WRITTEN_MS = 5_000;

export interface Profiling {
  readonly folder: string;
  /** Of the measurement: the end of all file names. */
  readonly name: string;
}

/** How often each process has been profiled: it numbers its files. */
const counts = new Map<number, number>();

export class ServerProfiles {
  readonly #system: System;
  readonly #profiling: Profiling | undefined;
  #hasStarted = false;

  constructor(system: System, profiling: Profiling | undefined) {
    this.#system = system;
    this.#profiling = profiling;
  }

  start(): void {
    if (this.#profiling === undefined) return;
    this.#hasStarted = true;
    for (const { pid } of this.#processes()) process.kill(pid, 'SIGUSR2');
  }

  /** Resolves when the files are there under their names. */
  async end(): Promise<void> {
    if (!this.#hasStarted || this.#profiling === undefined) return;
    const { folder, name } = this.#profiling;
    for (const { pid, prefix } of this.#processes()) {
      const count = (counts.get(pid) ?? 0) + 1;
      counts.set(pid, count);
      process.kill(pid, 'SIGUSR2');
      const file = join(folder, `${prefix}.${count}.cpuprofile`);
      const startMs = performance.now();
      while (!existsSync(file) && performance.now() - startMs < WRITTEN_MS) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      if (existsSync(file)) renameSync(file, join(folder, `${prefix}-of-${name}.cpuprofile`));
    }
  }

  #processes(): { readonly pid: number; readonly prefix: string }[] {
    return Object.entries(this.#system.profiled).map(([prefix, pid]) => ({ prefix, pid }));
  }
}
