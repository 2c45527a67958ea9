/** A closed loop: so many calls in flight, each followed by the next as soon as it is answered. */
import { createRequire } from 'node:module';
import type * as Hdr from 'hdr-histogram-js';
import { keyOf, newKeySequence, newValues } from './key-sequence.ts';
import type { Target } from './target.ts';
import { BULK_KEYS, type LatencyMicros, type Task } from './task.ts';

// The package's declarations say CommonJS with named exports; its entry for Node.js is that.
const hdr = createRequire(import.meta.url)('hdr-histogram-js') as typeof Hdr;

/** Reading the clock costs as much as a tenth of a call, so with many in flight one call in so many is timed. */
const TIMED_SHARE = 16;
const ALL_TIMED_MAX = 16;

export class ClosedLoop {
  /** Counted in keys. */
  operations = 0;
  readonly #target: Target;
  readonly #task: Task;
  readonly #keys: readonly string[];
  readonly #sequence: Uint32Array;
  readonly #values: readonly Buffer[];
  readonly #nanos = hdr.build({
    lowestDiscernibleValue: 100,
    highestTrackableValue: 60_000_000_000,
    numberOfSignificantValueDigits: 3,
  });
  #at = 0;
  #isOver = false;

  constructor(target: Target, task: Task) {
    this.#target = target;
    this.#task = task;
    this.#keys = Array.from({ length: task.keys }, (_, index) => keyOf(index));
    this.#sequence = newKeySequence(task);
    this.#values = newValues(task.valueBytes, task.seed);
  }

  /** Every key once. */
  async load(): Promise<void> {
    const LOAD_IN_FLIGHT = 512;
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < this.#keys.length) {
        const index = next++;
        await this.#target.set(this.#keys[index] as string, this.#valueOf(index));
        this.operations += 1;
      }
    };
    await Promise.all(Array.from({ length: LOAD_IN_FLIGHT }, worker));
  }

  /** Until `end` is called; a call that fails ends it at once. */
  async run(): Promise<void> {
    const { inFlight } = this.#task;
    const worker = this.#workerOf();
    await Promise.all(Array.from({ length: this.#target.waitForReplica === undefined ? inFlight : 1 }, worker));
  }

  end(): void {
    this.#isOver = true;
  }

  /** From here on counts. */
  startMeasuring(): void {
    this.operations = 0;
    this.#nanos.reset();
  }

  latency(): LatencyMicros {
    const at = (percentile: number): number => this.#nanos.getValueAtPercentile(percentile) / 1_000;
    return { p50: at(50), p99: at(99), p999: at(99.9), max: this.#nanos.maxValue / 1_000 };
  }

  #workerOf(): () => Promise<void> {
    const { work } = this.#task;
    if (this.#target.waitForReplica !== undefined) return () => this.#groups();
    switch (work) {
      case 'get':
        return () => this.#timed(() => this.#get(), this.#checkValue);
      case 'set':
        return () => this.#timed(() => this.#set());
      case 'get-all':
        return () => this.#timed(() => this.#target.getAll(this.#nextKeys()), checkFound);
      case 'set-all':
        return () => this.#timed(() => this.#target.setAll(this.#nextKeys(), this.#values));
      default:
        throw new Error(`no work ${work}`);
    }
  }

  /** Answers of timed calls are checked; a promise more for each call would be measured too. */
  async #timed<Answer>(call: () => Promise<Answer>, check?: (answer: Answer) => void): Promise<void> {
    const every = this.#task.inFlight <= ALL_TIMED_MAX ? 1 : TIMED_SHARE;
    const weight = this.#task.work.endsWith('-all') ? BULK_KEYS : 1;
    let untilTimed = this.#at++ % every;
    while (!this.#isOver) {
      if (untilTimed > 0) {
        untilTimed -= 1;
        await call();
      } else {
        untilTimed = every - 1;
        const startMs = performance.now();
        const answer = await call();
        this.#nanos.recordValue((performance.now() - startMs) * 1e6);
        check?.(answer);
      }
      this.operations += weight;
    }
  }

  /** So many sets at once, and one WAIT for all of them. */
  async #groups(): Promise<void> {
    const { inFlight } = this.#task;
    const calls: Promise<unknown>[] = new Array(inFlight + 1);
    while (!this.#isOver) {
      const startMs = performance.now();
      for (let index = 0; index < inFlight; index++) calls[index] = this.#set();
      calls[inFlight] = this.#target.waitForReplica?.() ?? Promise.resolve();
      await Promise.all(calls);
      this.#nanos.recordValue((performance.now() - startMs) * 1e6);
      this.operations += inFlight;
    }
  }

  #get(): ReturnType<Target['get']> {
    return this.#target.get(this.#keys[this.#nextIndex()] as string);
  }

  readonly #checkValue = (value: Uint8Array | null | undefined): void => {
    if (value?.length !== this.#task.valueBytes) throw new Error(`a get answered ${value?.length ?? 'no'} bytes`);
  };

  #set(): Promise<unknown> {
    const index = this.#nextIndex();
    return this.#target.set(this.#keys[index] as string, this.#valueOf(index));
  }

  #nextKeys(): string[] {
    return Array.from({ length: BULK_KEYS }, () => this.#keys[this.#nextIndex()] as string);
  }

  #nextIndex(): number {
    this.#at = (this.#at + 1) % this.#sequence.length;
    return this.#sequence[this.#at] as number;
  }

  #valueOf(index: number): Buffer {
    return this.#values[index % this.#values.length] as Buffer;
  }
}

function checkFound(found: number): void {
  if (found === 0) throw new Error('none of the keys was there');
}
