/**
 * What a client does all day. Each worker stays with one partition, so that a partition without a primary holds up
 * only its own. Keys change with the time: the checkers want many short histories, not few long ones.
 */
import type { Grid } from '@ostraca/client';
import { encodeKey, partitionOf, type Random } from '@ostraca/core';
import { heightOf } from '../checkers/counters.ts';
import type { Operation } from '../checkers/history.ts';
import { Caller, COUNTERS, type Place, REGISTERS } from './caller.ts';
import { pause } from './grid-processes.ts';
import { monotonicMs } from './monotonic.ts';

export interface WorkloadOptions {
  readonly name: string;
  readonly grid: Grid;
  readonly random: Random;
  readonly partitions: number;
  readonly workersPerPartition: number;
  /** Mean rest of a worker between two calls. */
  readonly thinkMs: number;
  readonly remember: (operation: Operation) => void;
}

/** All clients use the same keys for so long, without a word between them. */
const REGISTER_LIFE_MS = 2_000;
const COUNTER_LIFE_MS = 20_000;
/** At a time, in each partition. */
const REGISTERS_PER_PARTITION = 4;
const COUNTERS_PER_PARTITION = 2;
const DEADLINES_MS = [1_000, 3_000, 10_000, 10_000];

export class Workload {
  readonly #options: WorkloadOptions;
  readonly #caller: Caller;
  readonly #running: Promise<void>[] = [];
  #isStopped = false;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#caller = new Caller(options.name, options.grid, options.remember);
  }

  start(): void {
    const { partitions, workersPerPartition, random } = this.#options;
    for (let partition = 0; partition < partitions; partition++) {
      for (let worker = 0; worker < workersPerPartition; worker++)
        this.#running.push(this.#work(partition, random.fork()));
    }
  }

  /** Every call has had its answer. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
  }

  async #work(partition: number, random: Random): Promise<void> {
    while (!this.#isStopped) {
      await pause(random.unit() * 2 * this.#options.thinkMs);
      await this.#call(partition, random);
    }
  }

  async #call(partition: number, random: Random): Promise<void> {
    const caller = this.#caller;
    const register = this.#place(REGISTERS, partition, random.below(REGISTERS_PER_PARTITION));
    const deadlineMs = DEADLINES_MS[random.below(DEADLINES_MS.length)] ?? 10_000;
    const value = caller.newValue();
    const draw = random.below(100);
    if (draw < 34) await caller.read(register, deadlineMs);
    else if (draw < 54) await caller.write(register, { kind: 'set', value }, deadlineMs);
    else if (draw < 61) await caller.write(register, { kind: 'insert', value }, deadlineMs);
    else if (draw < 67) await caller.write(register, { kind: 'update', value }, deadlineMs);
    else if (draw < 73) await caller.write(register, { kind: 'delete' }, deadlineMs);
    else if (draw < 80) await this.#swap(register, deadlineMs);
    else if (draw < 96) await this.#raise(partition, random.below(COUNTERS_PER_PARTITION), deadlineMs);
    // Written once, never again: whether it is there in the end is all that there is to know of it.
    else await caller.write(this.#keyIn(REGISTERS, partition, `u-${value}`), { kind: 'insert', value }, deadlineMs);
  }

  async #swap(place: Place, deadlineMs: number): Promise<void> {
    const seen = await this.#caller.read(place, deadlineMs);
    if (seen?.kind !== 'entry') return;
    const value = this.#caller.newValue();
    const action = { kind: 'swap', value, expected: seen.version, expectedValue: seen.value } as const;
    await this.#caller.write(place, action, deadlineMs);
  }

  async #raise(partition: number, counter: number, deadlineMs: number): Promise<void> {
    const place = this.#place(COUNTERS, partition, counter);
    const seen = await this.#caller.read(place, deadlineMs);
    if (seen === undefined) return;
    const id = this.#caller.newValue();
    if (seen.kind !== 'entry') {
      await this.#caller.write(place, { kind: 'insert', value: `0/${id}` }, deadlineMs);
      return;
    }
    const value = `${heightOf(seen.value) + 1}/${id}`;
    const action = { kind: 'swap', value, expected: seen.version, expectedValue: seen.value } as const;
    await this.#caller.write(place, action, deadlineMs);
  }

  #place(map: Place['map'], partition: number, index: number): Place {
    const lifeMs = map === COUNTERS ? COUNTER_LIFE_MS : REGISTER_LIFE_MS;
    return this.#keyIn(map, partition, `${Math.floor(monotonicMs() / lifeMs)}-${index}`);
  }

  #keyIn(map: Place['map'], partition: number, name: string): Place {
    const { partitions } = this.#options;
    for (let salt = 0; ; salt++) {
      const key = `${name}-p${partition}-${salt}`;
      if (partitionOf(encodeKey(key), partitions, []) === partition) return { map, key };
    }
  }
}
