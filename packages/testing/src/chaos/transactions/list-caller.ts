/** Transactions over lists, in two maps: one whose transactions find conflicts at their end, one with locks. */
import { type Grid, GridError, type TransactionalMap, type TransactionScope } from '@ostraca/client';
import type { Random } from '@ostraca/core';
import { pause } from '../grid-processes.ts';
import { monotonicMs } from '../monotonic.ts';
import { runAttempts, type Terms } from './attempts.ts';
import { LIST_MAPS, type ListMapName, type ListPlace, ListPlaces, LOCKED_LISTS, SEATS } from './places.ts';
import type { ListCall, ListRecord } from './record.ts';
import { pick, type Worker } from './worker.ts';

export interface ListCallerOptions {
  readonly grid: Grid;
  readonly partitions: number;
  /** A number that nobody else has for a list. */
  readonly newValue: () => number;
  readonly remember: (record: ListRecord) => void;
}

type Lists = TransactionalMap<string, number[]>;

interface Trail {
  readonly calls: ListCall[];
  /** So far it has touched nothing but maps with locks. */
  isLocked: boolean;
}

interface Attempt {
  readonly worker: Worker;
  readonly calls: ListCall[];
  readonly map: (name: ListMapName) => Lists;
}

const CALLS_MAX = 5;
/** Now and then so long that a fault falls into a transaction. */
const PAUSES_MS = [0, 0, 0, 0, 0, 0, 0, 5, 50, 400];

export class ListCaller {
  readonly #options: ListCallerOptions;
  readonly #places: ListPlaces;

  constructor(options: ListCallerOptions) {
    this.#options = options;
    this.#places = new ListPlaces(options.partitions, monotonicMs);
  }

  async transact(worker: Worker, terms: Terms): Promise<void> {
    const { partition, process, random } = worker;
    const count = 1 + random.below(CALLS_MAX);
    const pauseMs = pick(random, PAUSES_MS);
    await runAttempts<Trail>(this.#options.grid, terms, {
      newTrail: () => ({ calls: [], isLocked: true }),
      act: async (scope, trail) => {
        const attempt = { worker, calls: trail.calls, map: mapsOf(scope, trail) };
        for (let left = count; left > 0; left--) {
          if (pauseMs > 0) await pause(random.unit() * pauseMs);
          await this.#call(attempt);
        }
        return random.below(20) > 0;
      },
      onEnd: (trail, ending) => this.#options.remember({ type: 'lists', partition, process, ...ending, ...trail }),
    });
  }

  /** Without a transaction: read, and written if it has not changed since. */
  async appendAlone({ partition, process, random }: Worker, { deadlineMs }: Terms): Promise<void> {
    const { grid, newValue, remember } = this.#options;
    const place = this.#drawPlace(partition, random);
    const map = grid.map<string, number[]>(place.map);
    const startMs = monotonicMs();
    const calls: ListCall[] = [];
    const end = (outcome: ListRecord['outcome'], code?: string): void => {
      const endMs = outcome === 'unknown' ? Number.POSITIVE_INFINITY : monotonicMs();
      const head = { type: 'lists', partition, process, startMs, endMs, outcome } as const;
      remember({ ...head, ...(code === undefined ? {} : { code }), calls, isLocked: false, isAlone: true });
    };
    try {
      const entry = await map.getEntry(place.key, { deadlineMs });
      const list = this.#note(calls, place, entry?.value, partition);
      const value = newValue();
      calls.push({ kind: 'append', key: place.name, value });
      if (entry === undefined) await map.insert(place.key, [value], { deadlineMs });
      else await map.set(place.key, [...list, value], { deadlineMs, ifVersion: entry.version });
      end('committed');
    } catch (error) {
      if (!(error instanceof GridError)) throw error;
      // A read without an answer says nothing.
      if (calls.length > 0) end(error.outcome === 'unknown' ? 'unknown' : 'rolledBack', error.code);
    }
  }

  async #call(attempt: Attempt): Promise<void> {
    const { partition, random } = attempt.worker;
    const draw = random.below(100);
    const place = this.#drawPlace(partition, random);
    if (draw < 33) await this.#read(attempt, place, 'get');
    else if (draw < 43) await this.#read(attempt, place, 'getForUpdate');
    else if (draw < 50) await this.#readMany(attempt, place.map);
    else if (draw < 93) await this.#append(attempt, place);
    else if (draw < 98) await this.#scan(attempt, place);
    else await this.#count(attempt, place);
  }

  async #read({ worker, calls, map }: Attempt, place: ListPlace, how: 'get' | 'getForUpdate'): Promise<number[]> {
    return this.#note(calls, place, await map(place.map)[how](place.key), worker.partition);
  }

  /** In one frame. */
  async #readMany({ worker, calls, map }: Attempt, name: ListMapName): Promise<void> {
    const { partition } = worker;
    const places = Array.from({ length: SEATS }, (_, seat) => this.#places.place(name, partition, seat));
    const found = await map(name).getAll(places.map(({ key }) => key));
    for (const place of places) this.#note(calls, place, found.get(place.key), partition);
  }

  /** With locks of three kinds: shared and then raised, upgradable, and raised at once. */
  async #append(attempt: Attempt, place: ListPlace): Promise<void> {
    const { worker, calls, map } = attempt;
    const lists = map(place.map);
    const value = this.#options.newValue();
    const draw = worker.random.below(4);
    if (draw === 0) {
      await lists.compute(place.key, (list) => [...this.#note(calls, place, list, worker.partition), value]);
    } else {
      if (draw === 1 && place.map === LOCKED_LISTS) await lists.lock(place.key, 'exclusive');
      const list = await this.#read(attempt, place, draw === 2 ? 'getForUpdate' : 'get');
      await lists.set(place.key, [...list, value]);
    }
    calls.push({ kind: 'append', key: place.name, value });
  }

  async #scan({ worker, calls, map }: Attempt, place: ListPlace): Promise<void> {
    // A key has decided the partition.
    await map(place.map).has(place.key);
    const prefix = this.#places.prefix();
    const batch = worker.random.below(2) === 0 ? 2 : 1_000;
    const found: [string, number[]][] = [];
    for await (const [key, list] of map(place.map).entries({ prefix, batch }))
      found.push([`${place.map}/${key}`, list]);
    calls.push({ kind: 'scan', prefix: `${place.map}/${prefix}`, found });
  }

  async #count({ calls, map }: Attempt, place: ListPlace): Promise<void> {
    const lists = map(place.map);
    await lists.has(place.key);
    const size = await lists.size();
    let keys = 0;
    for await (const _ of lists.keys()) keys += 1;
    calls.push({ kind: 'count', map: place.map, size, keys });
  }

  #note(calls: ListCall[], place: ListPlace, found: number[] | undefined, partition: number): number[] {
    const list = found ?? [];
    calls.push({ kind: 'read', key: place.name, list });
    this.#places.noteLength(place, list.length, partition);
    return list;
  }

  #drawPlace(partition: number, random: Random): ListPlace {
    return this.#places.place(pick(random, LIST_MAPS), partition, random.below(SEATS));
  }
}

function mapsOf(scope: TransactionScope, trail: Trail): (name: ListMapName) => Lists {
  return (name) => {
    trail.isLocked &&= name === LOCKED_LISTS;
    return scope.map<string, number[]>(name);
  };
}
