/** A CPU profile of just the measured time, without what came before and after. */
import { renameSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';

const SAMPLE_MICROS = 250;

export class Profiler {
  readonly #session = new Session();

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.setSamplingInterval', { interval: SAMPLE_MICROS });
    await this.#session.post('Profiler.start');
  }

  async stop(file: string): Promise<void> {
    const { profile } = await this.#session.post('Profiler.stop');
    // Whoever waits for the file finds all of it.
    writeFileSync(`${file}.part`, JSON.stringify(profile));
    renameSync(`${file}.part`, file);
    this.#session.disconnect();
  }
}

/** `file` undefined: no profile. */
export async function profiled<Result>(file: string | undefined, run: () => Promise<Result>): Promise<Result> {
  if (file === undefined) return run();
  const profiler = new Profiler();
  await profiler.start();
  const result = await run();
  await profiler.stop(file);
  return result;
}
