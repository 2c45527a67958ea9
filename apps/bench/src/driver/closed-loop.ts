/** A closed loop: so many calls in flight, each followed by the next as soon as it is answered. */
import type { Calls } from './calls.ts';
import { newHistogram } from './histogram.ts';
import type { Target } from './target.ts';
import type { LatencyMicros } from './task.ts';

/** Reading the clock costs as much as a tenth of a call, so with many in flight one call in so many is timed. */
const TIMED_SHARE = 16;
const ALL_TIMED_MAX = 16;

export class ClosedLoop {
  operations = 0;
  readonly #calls: Calls;
  readonly #inFlight: number;
  readonly #nanos = newHistogram();
  #isOver = false;

  constructor(calls: Calls, inFlight: number) {
    this.#calls = calls;
    this.#inFlight = inFlight;
  }

  /** Until `end` is called. A call that fails ends it at once. */
  async run(): Promise<void> {
    await Promise.all(Array.from({ length: this.#inFlight }, (_, index) => this.#work(index)));
  }

  /** As many calls at once, and one more to wait for all of them: a group after the other. */
  async runGroups(wait: NonNullable<Target['waitForReplica']>): Promise<void> {
    const calls: Promise<unknown>[] = new Array(this.#inFlight + 1);
    while (!this.#isOver) {
      const startMs = performance.now();
      for (let index = 0; index < this.#inFlight; index++) calls[index] = this.#calls.next();
      calls[this.#inFlight] = wait();
      await Promise.all(calls);
      this.#nanos.recordValue((performance.now() - startMs) * 1e6);
      this.operations += this.#inFlight;
    }
  }

  end(): void {
    this.#isOver = true;
  }

  /** What was before does not count. */
  startMeasuring(): void {
    this.operations = 0;
    this.#nanos.reset();
  }

  latency(): LatencyMicros {
    const at = (percentile: number): number => this.#nanos.getValueAtPercentile(percentile) / 1_000;
    return { p50: at(50), p99: at(99), p999: at(99.9), max: this.#nanos.maxValue / 1_000 };
  }

  /** Answers of timed calls are checked; a promise more for each call would be measured too. */
  async #work(index: number): Promise<void> {
    const { next, check, weight } = this.#calls;
    const every = this.#inFlight <= ALL_TIMED_MAX ? 1 : TIMED_SHARE;
    let untilTimed = index % every;
    while (!this.#isOver) {
      if (untilTimed > 0) {
        untilTimed -= 1;
        await next();
      } else {
        untilTimed = every - 1;
        const startMs = performance.now();
        const answer = await next();
        this.#nanos.recordValue((performance.now() - startMs) * 1e6);
        check(answer);
      }
      this.operations += weight;
    }
  }
}
