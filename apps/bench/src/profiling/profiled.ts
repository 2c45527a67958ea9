/** A CPU profile of just the measured time, without what came before and after. */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';

export class Profiler {
  readonly #session = new Session();

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.start');
  }

  async stop(file: string): Promise<void> {
    const { profile } = await this.#session.post('Profiler.stop');
    writeFileSync(file, JSON.stringify(profile));
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
