/**
 * Callers who do nothing but transactions over lists, in two maps: one whose transactions find conflicts at their end, one
 * with locks. Each stays in one partition, as all transactions do. What they saw is judged as one history.
 */
import {
  asMapId,
  asPartitionId,
  encodeKey,
  GridError,
  type MapId,
  NewOperation,
  type PartitionId,
  partitionOf,
  type Random,
} from '@ostraca/core';
import type { Violation } from '../checkers/history.ts';
import type { ListTransaction } from '../checkers/isolation/list-append.ts';
import type { Caller, Calls } from './calls.ts';
import { LISTS, LOCKED_LISTS, pick, type Scenario } from './scenario.ts';
import {
  type ListPlace,
  listOf,
  type TransactionEnd,
  TransactionRun,
  type TransactionStep,
} from './transaction-run.ts';
import type { World } from './virtual-process.ts';
import { bytesOf } from './wire-forms.ts';

export interface TransactionCallersOptions {
  readonly scenario: Scenario;
  readonly world: World;
  readonly calls: Calls;
  readonly callers: readonly Caller[];
  /** Nobody begins anything while it is false. */
  readonly mayCall: (caller: Caller) => boolean;
}

/** A list that was appended to so often is left to itself: what is read and written whole should stay short. */
const LIST_VALUES_MAX = 30;

export class TransactionCallers {
  readonly history: (ListTransaction & { readonly partition: PartitionId })[] = [];
  readonly violations: Violation[] = [];
  readonly #options: TransactionCallersOptions;
  readonly #maps: readonly { readonly id: MapId; readonly name: string; readonly isLocked: boolean }[];
  /** Appends that were begun, by the place's number: a new key takes over when it is full. */
  readonly #appendCounts = new Map<string, number>();
  readonly #places = new Map<string, ListPlace & { readonly partition: PartitionId }>();
  #values = 0;

  constructor(options: TransactionCallersOptions) {
    this.#options = options;
    const { maps } = options.scenario.mapSet;
    this.#maps = [LISTS, LOCKED_LISTS].flatMap((name) => {
      const id = maps.findIndex((map) => map.name === name);
      return id < 0 ? [] : [{ id: asMapId(id), name, isLocked: maps[id]?.lockStrategy === 'PESSIMISTIC' }];
    });
  }

  start(): void {
    for (const caller of this.#options.callers) this.#think(caller);
  }

  /** Of keys that were ever used: each by itself, to end the history with. */
  readAll(reader: Caller, isWanted: (partition: PartitionId) => boolean, done: (ok: boolean) => void): void {
    const places = [...this.#places.values()].filter(({ partition }) => isWanted(partition));
    let left = places.length;
    let ok = true;
    if (left === 0) return done(true);
    for (const place of places) {
      const { partition, map, bytes, name } = place;
      const startMs = this.#nowMs;
      const body = { kind: 'read', keys: [bytes], withoutValues: false } as const;
      this.#options.calls.submit(reader, { map, partition, timeoutMs: 20_000 }, body, (answer) => {
        left -= 1;
        if (answer instanceof GridError || answer.type !== 'readAnswer') ok = false;
        else {
          const entry = answer.entries[0];
          const list = entry?.found === true ? listOf(entry.value) : [];
          const operations = [{ kind: 'read', key: name, list }] as const;
          const process = `checker ${name}`;
          this.history.push({ partition, process, startMs, endMs: this.#nowMs, outcome: 'committed', operations });
        }
        if (left === 0) done(ok);
      });
    }
  }

  #think(caller: Caller): void {
    const { scenario, world, mayCall } = this.#options;
    const random = caller.calls.fork();
    world.scheduler.after(random.unit() * 2 * scenario.thinkMs, () => {
      caller.random = random;
      if (mayCall(caller)) this.#transact(caller, () => this.#think(caller));
      else this.#think(caller);
    });
  }

  #transact(caller: Caller, then: () => void): void {
    const { calls } = this.#options;
    const { random, client } = caller;
    const partition = asPartitionId(random.below(this.#options.scenario.mapSet.numberOfPartitions));
    const open = this.#openPlacesOf(partition);
    if (random.below(8) === 0) return this.#appendAlone(caller, pick(random, open), then);
    const places = [...this.#places.values()].filter((place) => place.partition === partition);
    const process = `${client.process.name}/${client.lives} ${caller.name}`;
    const startMs = this.#nowMs;
    const timeoutMs = pick(random, [1_000, 3_000, 10_000]);
    const { lives } = client;
    // Whose client has died has nothing left to tell.
    const isAlive = (): boolean => client.lives === lives;
    const notices = (act: (machine: NonNullable<typeof client.process.machine>) => void): void => {
      if (!isAlive()) return;
      client.process.post(() => client.process.machine !== undefined && act(client.process.machine));
    };
    const pauseMs = pick(random, [0, 0, 0, 20, 200, 1_500]);
    const done = ({ outcome, operations, isConflictUnderLocks }: TransactionEnd): void => {
      if (isConflictUnderLocks)
        this.violations.push({ rule: 'T7', what: `${process} met a conflict, though it had locks` });
      if (outcome === 'committed') calls.commitCount += 1;
      const endMs = this.#nowMs;
      this.history.push({ partition, process, startMs, endMs, outcome, operations });
      const detail = { action: 'transaction', partition, result: { outcome, operations } };
      this.#options.world.trace.add({ timeMs: endMs, process: client.process.name, what: 'answer', detail });
      then();
    };
    const run = new TransactionRun(
      {
        places,
        waitMs: pick(random, [100, 500, 2_000]),
        pause: (next) => {
          if (pauseMs === 0) next();
          else this.#options.world.scheduler.after(random.unit() * pauseMs, next);
        },
        ask: (map, body, answered) => {
          if (!isAlive()) return answered(new GridError('closed', { outcome: 'not_applied' }), 0);
          calls.submit(caller, { map, partition, timeoutMs }, body, (answer, _, sentEpoch = 0) =>
            answered(answer, sentEpoch),
          );
        },
        begin: () => client.process.machine?.transactions.begin(partition) ?? 1,
        end: (transaction) => notices((machine) => machine.transactions.end(partition, transaction)),
        forget: (transaction) => notices((machine) => machine.transactions.forget(partition, transaction)),
      },
      this.#drawSteps(random, open),
      done,
    );
    run.start();
  }

  /** Without a transaction: it may be written in between, then nothing is appended. */
  #appendAlone(caller: Caller, place: ListPlace & { readonly partition: PartitionId }, then: () => void): void {
    const { calls } = this.#options;
    const { client, random } = caller;
    const { partition, map, bytes: key, name } = place;
    const call = { map, partition, timeoutMs: pick(random, [1_000, 3_000, 10_000]) };
    const process = `${client.process.name}/${client.lives} ${caller.name}`;
    const startMs = this.#nowMs;
    const step = this.#newAppend(place);
    calls.submit(caller, call, { kind: 'read', keys: [key], withoutValues: false }, (read) => {
      if (read instanceof GridError || read.type !== 'readAnswer' || step.kind !== 'append') return then();
      const [entry] = read.entries;
      const list = entry?.found === true ? listOf(entry.value) : [];
      const value = bytesOf([...list, step.value].join(','));
      const kind = entry?.found === true ? 'set' : 'insert';
      const version = { ifEpoch: entry?.epoch ?? 0, ifLsn: entry?.lsn ?? 0 };
      const operation = new NewOperation({ kind, key, value, ...version, ttlMs: 0, expireAtMs: 0 });
      calls.submit(caller, call, { kind: 'write', operations: [operation] }, (answer) => {
        const isRefused = answer instanceof GridError;
        const outcome = !isRefused ? 'committed' : answer.outcome === 'unknown' ? 'unknown' : 'rolledBack';
        const operations = [
          { kind: 'read', key: name, list },
          { kind: 'append', key: name, value: step.value },
        ] as const;
        this.history.push({ partition, process, startMs, endMs: this.#nowMs, outcome, operations });
        then();
      });
    });
  }

  #drawSteps(random: Random, places: readonly ListPlace[]): TransactionStep[] {
    const steps: TransactionStep[] = [];
    for (let left = 1 + random.below(5); left > 0; left--) {
      const draw = random.below(100);
      const place = pick(random, places);
      if (draw < 40) steps.push({ kind: 'read', place });
      else if (draw < 50) steps.push({ kind: 'readToWrite', place });
      else if (draw < 92) steps.push(this.#newAppend(place));
      else {
        const map = pick(random, this.#maps);
        steps.push({ kind: 'scan', map: map.id, isLocked: map.isLocked });
      }
    }
    return steps;
  }

  #newAppend(place: ListPlace): TransactionStep {
    this.#appendCounts.set(place.name, (this.#appendCounts.get(place.name) ?? 0) + 1);
    this.#values += 1;
    return { kind: 'append', place, value: this.#values };
  }

  /** A few in each map; full ones are followed by new ones, and left to the scans. */
  #openPlacesOf(partition: PartitionId): (ListPlace & { readonly partition: PartitionId })[] {
    const { listCount } = this.#options.scenario.transactions ?? { listCount: 1 };
    for (const map of this.#maps) {
      const open = [...this.#places.values()].filter(
        (place) => place.map === map.id && place.partition === partition && this.#isOpen(place),
      );
      for (let missing = listCount - open.length; missing > 0; missing--) this.#newPlace(map, partition);
    }
    return [...this.#places.values()].filter((place) => place.partition === partition && this.#isOpen(place));
  }

  #isOpen({ name }: ListPlace): boolean {
    return (this.#appendCounts.get(name) ?? 0) < LIST_VALUES_MAX;
  }

  #newPlace(
    map: { readonly id: MapId; readonly name: string; readonly isLocked: boolean },
    partition: PartitionId,
  ): void {
    for (let number = 0; ; number++) {
      const name = `${map.name}/l${number}`;
      if (this.#places.has(name)) continue;
      const bytes = encodeKey(`l${number}`);
      const at = asPartitionId(partitionOf(bytes, this.#options.scenario.mapSet.numberOfPartitions, []));
      if (at !== partition) continue;
      this.#places.set(name, { name, map: map.id, isLocked: map.isLocked, bytes, partition });
      return;
    }
  }

  get #nowMs(): number {
    return this.#options.world.scheduler.nowMs;
  }
}
