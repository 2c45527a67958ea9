/**
 * Clients with several callers each, who write unique values, raise counters with `ifVersion`, and look at what is
 * there. Every answer goes into the history.
 */

import {
  type ClientAnswer,
  type ClientMachine,
  type ClientMachineSettings,
  newClientMachine,
  type Pending,
  type ReadWish,
  type RequestBody,
} from '@ostraca/client';
import {
  asMapId,
  asPartitionId,
  encodeKey,
  GridError,
  must,
  NO_BYTES,
  newRandom,
  type PartitionId,
  partitionOf,
  type Random,
} from '@ostraca/core';
import { heightOf } from '../checkers/counters.ts';
import { type Action, type History, type Observation, type Result, writtenValue } from '../checkers/history.ts';
import type { WeakRead } from '../checkers/weak-reads.ts';
import { CATALOG_URL, containerUrl } from './cluster.ts';
import { Impatience } from './impatience.ts';
import { lookAround } from './look-around.ts';
import { COUNTERS, FLEETING, GRID, pick, REGISTERS, SCRATCH, type Scenario } from './scenario.ts';
import { VirtualProcess, type World } from './virtual-process.ts';
import { bytesOf, groupsOf, observationOf, resultOf, wireOperation } from './wire-forms.ts';

export type MapName = typeof REGISTERS | typeof COUNTERS | typeof SCRATCH | typeof FLEETING;
export const MAPS: readonly MapName[] = [REGISTERS, COUNTERS, SCRATCH, FLEETING];

/** One key in one map, with what the wire needs. */
export interface Place {
  readonly map: MapName;
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly partition: PartitionId;
  /** In the history. */
  readonly name: string;
}

export interface WorkloadOptions {
  readonly scenario: Scenario;
  readonly world: World;
  readonly history: History;
  /** Of the keys with a time to live. */
  readonly fleetingHistory: History;
  readonly random: Random;
}

/** `connection`: by which the answer came, as the client numbers it. */
type Answered = (result: ClientAnswer | GridError, connection?: number) => void;

interface Client {
  readonly process: VirtualProcess<ClientMachine>;
  /** Calls of this life that have no answer. */
  readonly open: Set<(result: GridError) => void>;
  lives: number;
  /** Where the message that it handles just now came from. */
  heardFrom: number | undefined;
}

const text = new TextDecoder();

export class Workload {
  /** Acknowledged writes. */
  commitCount = 0;
  /** What replicas may have answered, in the order of the answers. */
  readonly weakReads: WeakRead[] = [];
  readonly #options: WorkloadOptions;
  readonly #random: Random;
  /** Of callers in a crowded run; undefined: nobody fails at once, and nobody asks for sizes and pages. */
  readonly #crowd: Random | undefined;
  readonly #clients: Client[] = [];
  readonly #places = new Map<string, Place>();
  readonly #impatience: Impatience;
  #isRunning = false;
  #isResting = false;
  #values = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#random = options.random;
    const { scenario, world, random } = options;
    this.#impatience = new Impatience({ scenario, world, random: newRandom(scenario.seed ^ 0x9b05688c) });
    this.#crowd = scenario.isCrowded ? newRandom(scenario.seed ^ 0x7ed55d16) : undefined;
    // The last one only checks: it starts anew for the end of the run.
    for (let index = 0; index <= scenario.clientCount; index++) {
      const name = index === scenario.clientCount ? 'checker' : `client${index + 1}`;
      const clockRate = 1 + scenario.clockError * (2 * random.unit() - 1);
      const process = new VirtualProcess<ClientMachine>({ name, world, random: random.fork(), clockRate });
      this.#clients.push({ process, open: new Set(), lives: 0, heardFrom: undefined });
    }
    for (let index = 0; index < scenario.keyCount; index++) this.place(REGISTERS, `r${index}`);
    for (let index = 0; index < scenario.counterCount; index++) this.place(COUNTERS, `n${index}`);
    for (let index = 0; index < 6; index++) this.place(SCRATCH, `s${index}`);
  }

  get clientNames(): string[] {
    return this.#clients.map(({ process }) => process.name);
  }

  get checker(): VirtualProcess<ClientMachine> {
    return must(this.#clients.at(-1), 'checker').process;
  }

  /** All keys that were ever used. */
  get places(): readonly Place[] {
    return [...this.#places.values()];
  }

  /** By the name of its place; of those that were used. */
  partitionOfKey(name: string): PartitionId | undefined {
    return this.#places.get(name)?.partition;
  }

  start(): void {
    this.#isRunning = true;
    for (const client of this.#clients) {
      this.#startClient(client);
      if (client.process === this.checker) continue;
      for (let worker = 0; worker < this.#options.scenario.workersPerClient; worker++) this.#think(client);
    }
  }

  /** No new calls; those that are out still get their answers. */
  stop(): void {
    this.#isRunning = false;
  }

  /** Nobody calls for a while, and nobody forgets that there is a grid. */
  rest(isResting: boolean): void {
    this.#isResting = isResting;
  }

  get openCount(): number {
    return this.#clients.reduce((sum, { open }) => sum + open.size, 0);
  }

  crashClient(random: Random): boolean {
    const client = must(this.#clients[random.below(this.#clients.length - 1)], 'client');
    const restart = (): void => {
      client.process.crash();
      this.#forsake(client);
      this.#startClient(client);
    };
    if (!this.#impatience.leave(client.process, restart)) restart();
    return true;
  }

  /** Every process that calls, but for the checker. */
  get callers(): VirtualProcess<ClientMachine>[] {
    return this.#clients.slice(0, -1).map(({ process }) => process);
  }

  restartClients(): void {
    for (const client of this.#clients) {
      client.process.continue();
      this.#startClient(client);
    }
  }

  place(map: MapName, key: string): Place {
    const name = `${map}/${key}`;
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const bytes = encodeKey(key);
    const place: Place = { map, key, bytes, partition: this.#partitionOf(bytes), name };
    this.#places.set(name, place);
    return place;
  }

  #partitionOf(bytes: Uint8Array): PartitionId {
    return asPartitionId(partitionOf(bytes, this.#options.scenario.mapSet.numberOfPartitions, []));
  }

  // ── Calls of the checker ──────────────────────────────────────────────────────────────────────────────────────

  /** Writes one key of this partition that nobody else uses; tells whether it was acknowledged. */
  probe(partition: PartitionId, done: (ok: boolean) => void): void {
    let attempt = 0;
    let place = this.place(REGISTERS, `probe-${partition}-0`);
    while (place.partition !== partition) {
      this.#places.delete(place.name);
      attempt += 1;
      place = this.place(REGISTERS, `probe-${partition}-${attempt}`);
    }
    const client = must(this.#clients.at(-1), 'checker');
    this.#write(client, place, { kind: 'set', value: this.#newValue(client) }, (result) =>
      done(result.kind === 'applied'),
    );
  }

  /** Reads all keys of these, each as an operation of the history. */
  readAll(places: readonly Place[], done: (ok: boolean) => void): void {
    const client = must(this.#clients.at(-1), 'checker');
    let left = 0;
    let ok = true;
    for (const group of groupsOf(places)) {
      left += 1;
      this.#read(client, group, (entries) => {
        if (entries === undefined) ok = false;
        left -= 1;
        if (left === 0) done(ok);
      });
    }
    if (left === 0) done(true);
  }

  size(map: MapName, partition: PartitionId, done: (count: number | undefined) => void): void {
    const client = must(this.#clients.at(-1), 'checker');
    this.#submit(client, { map, partition, timeoutMs: 20_000 }, { kind: 'size' }, (result) => {
      done(!(result instanceof GridError) && result.type === 'sizeAnswer' ? result.count : undefined);
    });
  }

  // ── What a stranger writes ────────────────────────────────────────────────────────────────────────────────────

  /** A key that only this life of the stranger uses. */
  strangePlace(partition: PartitionId, life: number): Place {
    for (let attempt = 0; ; attempt++) {
      const key = `strange-${life}-${partition}-${attempt}`;
      if (this.#partitionOf(encodeKey(key)) === partition) return this.place(REGISTERS, key);
    }
  }

  /** Its next value there, which may appear from now on, or never. */
  strangeValue(partition: PartitionId, life: number): Uint8Array {
    this.#values += 1;
    const value = `stranger.${this.#values}`;
    const key = this.strangePlace(partition, life).name;
    const result: Result = { kind: 'unknown', code: 'nobody waits' };
    const [process, invokedMs, returnedMs] = [`stranger/${this.#values}`, this.#nowMs, Number.POSITIVE_INFINITY];
    this.#options.history.add({ process, key, action: { kind: 'set', value }, result, invokedMs, returnedMs });
    return bytesOf(value);
  }

  // ── The callers ───────────────────────────────────────────────────────────────────────────────────────────────

  #startClient(client: Client): void {
    if (client.process.isAlive) return;
    client.lives += 1;
    const { scenario } = this.#options;
    const clientId = this.#random.hex(32);
    const endpoints = [
      CATALOG_URL,
      ...Array.from({ length: scenario.containerCount }, (_, i) => containerUrl(`c${i + 1}`)),
    ];
    const random = this.#random.fork();
    client.process.start({ role: 'client', name: client.process.name, incarnation: clientId }, (effects) => {
      const settings = this.#drawSettings(client);
      const machine = newClientMachine({ endpoints, grid: GRID, clientId, random, effects, settings });
      const onMessage = machine.onMessage.bind(machine);
      machine.onMessage = (connection, message, nowMs) => {
        client.heardFrom = connection;
        onMessage(connection, message, nowMs);
        client.heardFrom = undefined;
      };
      machine.start(client.process.clockMs, () => {});
      return machine;
    });
  }

  /** The checker waits for everything. */
  #drawSettings({ process }: Client): ClientMachineSettings {
    const patient = { connectTimeoutMs: 600_000, maxPendingBytes: 64 * 1024 * 1024, onUnavailable: 'wait' } as const;
    const crowd = this.#crowd;
    if (crowd === undefined || process === this.checker) return patient;
    return {
      ...patient,
      maxPendingBytes: pick(crowd, [patient.maxPendingBytes, 200]),
      onUnavailable: pick(crowd, ['wait', 'fail']),
    };
  }

  #forsake(client: Client): void {
    const error = new GridError('closed', { details: { reason: 'the client crashed' } });
    for (const give of [...client.open]) give(error);
  }

  /** A caller rests, then calls, for ever. */
  #think(client: Client): void {
    const { world, scenario } = this.#options;
    world.scheduler.after(this.#random.unit() * 2 * scenario.thinkMs, () => {
      if (!this.#isRunning) return;
      if (client.process.isAlive && !this.#isResting) this.#call(client, () => this.#think(client));
      else this.#think(client);
    });
  }

  #call(client: Client, then: () => void): void {
    const { scenario } = this.#options;
    if (this.#crowd?.below(12) === 0) return this.#lookAround(client, this.#crowd, then);
    if (scenario.ownTtlsMs !== undefined && this.#random.below(3) === 0) return this.#callFleeting(client, then);
    const register = this.place(REGISTERS, `r${this.#random.below(scenario.keyCount)}`);
    const scratch = this.place(SCRATCH, `s${this.#random.below(6)}`);
    const value = this.#newValue(client);
    const draw = this.#random.below(100);
    if (scenario.mapSet.replicaReadEnabled && this.#random.below(4) === 0) this.#readWeakly(client, register, then);
    else if (draw < 25) this.#read(client, [register], then);
    else if (draw < 42) this.#write(client, register, { kind: 'set', value }, then);
    else if (draw < 49) this.#write(client, register, { kind: 'insert', value }, then);
    else if (draw < 56) this.#write(client, register, { kind: 'update', value }, then);
    else if (draw < 62) this.#write(client, register, { kind: 'delete' }, then);
    else if (draw < 67) this.#swap(client, register, then);
    else if (draw < 79) this.#raise(client, then);
    else if (draw < 88) this.#write(client, this.place(REGISTERS, `u-${value}`), { kind: 'insert', value }, then);
    else if (draw < 91) this.#writeBatch(client, then);
    else if (draw < 96) this.#write(client, scratch, { kind: 'set', value }, then);
    else if (draw < 97) this.#clear(client, scratch.partition, then);
    else if (draw < 98) this.#scan(client, register.partition, then);
    else this.#read(client, [scratch], then);
  }

  /** Of CREATION_TIME entries are written only anew, or with a time of their own: so each value has one that is known. */
  #callFleeting(client: Client, then: () => void): void {
    const { scenario } = this.#options;
    const place = this.place(FLEETING, `f${this.#random.below(8)}`);
    const ownTtlMs = pick(this.#random, [undefined, undefined, ...(scenario.ownTtlsMs ?? [])]);
    const own = ownTtlMs === undefined ? '' : `~${ownTtlMs}`;
    const value = `${this.#newValue(client)}${own}`;
    const isFixed = scenario.mapSet.maps.some(({ timeToLive }) => timeToLive?.type === 'CREATION_TIME');
    const draw = this.#random.below(100);
    if (draw < 45) this.#read(client, [place], then);
    else if (draw < 55) this.#write(client, place, { kind: 'touch' }, then);
    else if (draw < 60) this.#write(client, place, { kind: 'delete' }, then);
    else if (draw < 85 || (isFixed && own === '')) this.#write(client, place, { kind: 'insert', value }, then);
    else if (draw < 95) this.#write(client, place, { kind: 'update', value }, then);
    else this.#write(client, place, { kind: 'set', value }, then);
  }

  #newValue(client: Client): string {
    this.#values += 1;
    return `${client.process.name}.${this.#values}`;
  }

  #raise(client: Client, then: () => void): void {
    const place = this.place(COUNTERS, `n${this.#random.below(this.#options.scenario.counterCount)}`);
    this.#read(client, [place], (entries) => {
      const seen = entries?.[0];
      if (seen === undefined) return then();
      const id = this.#newValue(client);
      if (seen.kind !== 'entry') return this.#write(client, place, { kind: 'insert', value: `0/${id}` }, then);
      const value = `${heightOf(seen.value) + 1}/${id}`;
      this.#write(client, place, { kind: 'swap', value, expected: seen.version, expectedValue: seen.value }, then);
    });
  }

  #swap(client: Client, place: Place, then: () => void): void {
    this.#read(client, [place], (entries) => {
      const seen = entries?.[0];
      if (seen?.kind !== 'entry') return then();
      const value = this.#newValue(client);
      this.#write(client, place, { kind: 'swap', value, expected: seen.version, expectedValue: seen.value }, then);
    });
  }

  #writeBatch(client: Client, then: () => void): void {
    const all = Array.from({ length: this.#options.scenario.keyCount }, (_, index) =>
      this.place(REGISTERS, `r${index}`),
    );
    const { partition } = pick(this.#random, all);
    const places = all.filter((place) => place.partition === partition).slice(0, 2 + this.#random.below(3));
    const actions = places.map((): Action => ({ kind: 'set', value: this.#newValue(client) }));
    this.#writeAll(client, { places, actions }, then);
  }

  #clear(client: Client, partition: PartitionId, then: () => void): void {
    const places = this.places.filter((place) => place.map === SCRATCH && place.partition === partition);
    this.#writeAll(client, { places, actions: places.map((): Action => ({ kind: 'clear' })) }, then);
  }

  #write(client: Client, place: Place, action: Action, then: (result: Result) => void): void {
    this.#writeAll(client, { places: [place], actions: [action] }, then);
  }

  /** All in one record. */
  #writeAll(
    client: Client,
    { places, actions }: { places: readonly Place[]; actions: readonly Action[] },
    then: (result: Result) => void,
  ): void {
    const [first] = places;
    if (first === undefined) {
      then({ kind: 'not_applied', code: 'nothing to do' });
      return;
    }
    const isClear = actions[0]?.kind === 'clear';
    const operations = isClear
      ? [wireOperation({ kind: 'clear' }, NO_BYTES)]
      : places.map((place, index) => wireOperation(must(actions[index], 'action'), place.bytes));
    const call = { map: first.map, partition: first.partition, timeoutMs: this.#drawTimeoutMs() };
    const invokedMs = this.#nowMs;
    this.#submit(client, call, { kind: 'write', operations }, (answer) => {
      places.forEach((place, index) => {
        const action = must(actions[index], 'action');
        this.#remember(client, { place, action, result: resultOf(action, answer), invokedMs });
      });
      const result = resultOf(must(actions[0], 'action'), answer);
      if (result.kind === 'applied') this.commitCount += 1;
      then(result);
    });
  }

  #read(
    client: Client,
    places: readonly Place[],
    then: (entries: Observation[] | undefined) => void,
    wish: ReadWish = { mode: 'linearizable' },
  ): void {
    const first = must(places[0], 'a key to read');
    const call = { map: first.map, partition: first.partition, timeoutMs: this.#drawTimeoutMs() };
    const invokedMs = this.#nowMs;
    const body: RequestBody = { kind: 'read', keys: places.map(({ bytes }) => bytes), withoutValues: false, wish };
    this.#submit(client, call, body, (answer) => {
      if (answer instanceof GridError || answer.type !== 'readAnswer') return then(undefined);
      const seen = answer.entries.map(observationOf);
      places.forEach((place, index) => {
        const result: Result = { kind: 'observed', seen: must(seen[index], 'an entry for each key') };
        this.#remember(client, { place, action: { kind: 'get' }, result, invokedMs });
      });
      then(seen);
    });
  }

  /** In one of the modes that ask for less, or for the same without a clock. */
  #readWeakly(client: Client, place: Place, then: () => void): void {
    const draw = this.#random.below(5);
    if (draw === 0) return this.#read(client, [place], then, { mode: 'readIndex' });
    const maxStalenessMs = pick(this.#random, [0, 20, 200, 1_000]);
    const wish: ReadWish & { readonly mode: WeakRead['mode'] } =
      draw === 1
        ? { mode: 'eventual' }
        : draw === 2
          ? { mode: 'session', tokens: undefined }
          : { mode: 'bounded', maxStalenessMs };
    const { mode } = wish;
    const call = { map: place.map, partition: place.partition, timeoutMs: this.#drawTimeoutMs() };
    const invokedMs = this.#nowMs;
    const life = `${client.process.name}/${client.lives}`;
    const body: RequestBody = { kind: 'read', keys: [place.bytes], withoutValues: false, wish };
    this.#submit(client, call, body, (answer, connection) => {
      const [entry] = answer instanceof GridError || answer.type !== 'readAnswer' ? [] : answer.entries;
      if (entry === undefined || answer instanceof GridError || answer.type !== 'readAnswer') return then();
      const seen = observationOf(entry);
      this.weakReads.push({
        ...{ client: life, connection: connection === undefined ? undefined : `${connection}` },
        ...{ partition: place.partition, key: place.name, mode, maxStalenessMs, seen, lsn: answer.lsn },
        ...{ invokedMs, returnedMs: this.#nowMs },
      });
      const { trace } = this.#options.world;
      trace.add({
        timeMs: this.#nowMs,
        process: client.process.name,
        what: `${mode} read`,
        detail: { place: place.name, seen },
      });
      then();
    });
  }

  /** Of the registers, in one answer: what it lists is there, and what it does not list is not. */
  #scan(client: Client, partition: PartitionId, then: () => void): void {
    const call = { map: REGISTERS, partition, timeoutMs: this.#drawTimeoutMs() } as const;
    const limit = 1_000;
    const body: RequestBody = {
      kind: 'scan',
      resumed: false,
      afterHash: 0,
      limit,
      prefix: NO_BYTES,
      withoutValues: false,
    };
    const invokedMs = this.#nowMs;
    const places = this.places.filter((place) => place.map === REGISTERS && place.partition === partition);
    this.#submit(client, call, body, (answer) => {
      if (answer instanceof GridError || answer.type !== 'scanAnswer' || !answer.done) return then();
      const found = new Map(answer.entries.map((entry) => [text.decode(entry.key), entry]));
      for (const place of places) {
        const entry = found.get(text.decode(place.bytes));
        const seen: Observation =
          entry === undefined
            ? { kind: 'absent' }
            : { kind: 'entry', value: text.decode(entry.value), version: { epoch: entry.epoch, lsn: entry.lsn } };
        // It does not count for the client's session.
        const by = { process: `${client.process.name}/${client.lives} scan` };
        this.#remember(client, {
          place,
          action: { kind: 'get' },
          result: { kind: 'observed', seen },
          invokedMs,
          ...by,
        });
      }
      then();
    });
  }

  #lookAround(client: Client, random: Random, then: () => void): void {
    lookAround({
      random,
      partition: asPartitionId(random.below(this.#options.scenario.mapSet.numberOfPartitions)),
      places: this.places.filter(({ map }) => map === REGISTERS),
      nowMs: () => this.#nowMs,
      ask: (partition, body, done) =>
        this.#submit(client, { map: REGISTERS, partition, timeoutMs: this.#drawTimeoutMs() }, body, done),
      saw: (place, seen, invokedMs) =>
        this.#remember(client, {
          ...{ place, action: { kind: 'get' }, result: { kind: 'observed', seen }, invokedMs },
          process: `${client.process.name}/${client.lives} scan`,
        }),
      then,
    });
  }

  #submit(
    client: Client,
    { map, partition, timeoutMs }: { map: MapName; partition: PartitionId; timeoutMs: number },
    body: RequestBody,
    done: Answered,
  ): void {
    let isDone = false;
    let pending: Pending | undefined;
    const finish = (result: ClientAnswer | GridError): void => {
      if (isDone) return;
      isDone = true;
      client.open.delete(finish);
      if (result instanceof GridError) this.#options.world.onTold?.(result.code);
      done(result, client.heardFrom);
    };
    client.open.add(finish);
    client.process.post(() => {
      const request = { partition, map: asMapId(MAPS.indexOf(map)), body, timeoutMs };
      pending = client.process.machine?.submit(request, finish, client.process.clockMs);
    });
    if (body.kind === 'write' && client.process !== this.checker) this.#impatience.watch(client.process, () => pending);
  }

  #remember(
    client: Client,
    {
      place,
      action,
      result,
      invokedMs,
      process = `${client.process.name}/${client.lives}`,
    }: { place: Place; action: Action; result: Result; invokedMs: number; process?: string },
  ): void {
    const returnedMs = result.kind === 'unknown' ? Number.POSITIVE_INFINITY : this.#nowMs;
    const { history, fleetingHistory } = this.#options;
    (place.map === FLEETING ? fleetingHistory : history).add({
      process,
      key: place.name,
      action,
      result,
      invokedMs,
      returnedMs,
    });
    const { trace } = this.#options.world;
    const detail = {
      action: `${action.kind} ${place.name} ${writtenValue(action) ?? ''}`,
      partition: place.partition,
      result,
    };
    trace.add({ timeMs: this.#nowMs, process: client.process.name, what: 'answer', detail });
  }

  get #nowMs(): number {
    return this.#options.world.scheduler.nowMs;
  }

  #drawTimeoutMs(): number {
    return this.#isRunning ? pick(this.#random, [1_000, 3_000, 10_000, 30_000]) : 20_000;
  }
}
