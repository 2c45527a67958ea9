/** One call of one caller after another, and what each showed, in the history. */
import type { ClientAnswer, ClientMachine, NearCacheSettings, Pending, ReadWish, RequestBody } from '@ostraca/client';
import { asMapId, GridError, type MapId, must, NO_BYTES, type PartitionId, type Random } from '@ostraca/core';
import { type Action, type History, type Observation, type Result, writtenValue } from '../checkers/history.ts';
import type { WeakRead } from '../checkers/weak-reads.ts';
import { lookAround } from './look-around.ts';
import { readNear } from './near-reads.ts';
import { MAPS, type MapName, type Place } from './places.ts';
import { FLEETING, pick, REGISTERS } from './scenario.ts';
import type { VirtualProcess, World } from './virtual-process.ts';
import { bytesOf, observationOf, resultOf, wireOperation } from './wire-forms.ts';

export interface Client {
  readonly process: VirtualProcess<ClientMachine>;
  /** Calls of this life that have no answer. */
  readonly open: Set<(result: GridError) => void>;
  /** Of its lives. */
  readonly random: Random;
  lives: number;
  /** Where the message that it handles just now came from. */
  heardFrom: number | undefined;
}

/** Calls one thing after another. */
export interface Caller {
  readonly client: Client;
  /** `client1.2` */
  readonly name: string;
  /** Each call forks from it: a call that is left out shifts no draw of the others. */
  readonly calls: Random;
  /** Of the present call. */
  random: Random;
  valueCount: number;
}

/** `connection`: by which the answer came, as the client numbers it; `sentEpoch`: of the route by which its request went. */
type Answered = (result: ClientAnswer | GridError, connection?: number, sentEpoch?: number) => void;

export interface CallsOptions {
  readonly world: World;
  readonly history: History;
  /** Of the keys with a time to live. */
  readonly fleetingHistory: History;
}

export interface WriteWatch {
  /** A write is on its way; `pending` is undefined until it was submitted. */
  readonly onWrite: (caller: Caller, pending: () => Pending | undefined) => void;
  /** How long a write may take that could take so long. */
  readonly writeTimeoutMs: (caller: Caller, timeoutMs: number) => number;
}

type OpenCall = ((result: ClientAnswer | GridError) => void) & { readonly cancel: () => void };

const partOf = ({ partition, key, bytes }: Place) => ({ partition, key, bytes });

const text = new TextDecoder();

export class Calls {
  /** Acknowledged writes. */
  commitCount = 0;
  /** What replicas may have answered, in the order of the answers. */
  readonly weakReads: WeakRead[] = [];
  /** Nobody waits for long while others are to have their turn. */
  isHurried = false;
  #strangeValues = 0;
  readonly #options: CallsOptions & WriteWatch;

  constructor(options: CallsOptions & WriteWatch) {
    this.#options = options;
  }

  /** All in one record. */
  writeAll(
    caller: Caller,
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
    const call = { map: first.map, partition: first.partition, timeoutMs: this.#drawTimeoutMs(caller) };
    const invokedMs = this.#nowMs;
    this.submit(caller, call, { kind: 'write', operations }, (answer) => {
      places.forEach((place, index) => {
        const action = must(actions[index], 'action');
        this.#remember(caller, { place, action, result: resultOf(action, answer), invokedMs });
      });
      const result = resultOf(must(actions[0], 'action'), answer);
      if (result.kind === 'applied') this.commitCount += 1;
      then(result);
    });
  }

  read(
    caller: Caller,
    places: readonly Place[],
    then: (entries: Observation[] | undefined) => void,
    wish: ReadWish = { mode: 'linearizable' },
  ): void {
    const first = must(places[0], 'a key to read');
    const call = { map: first.map, partition: first.partition, timeoutMs: this.#drawTimeoutMs(caller) };
    const invokedMs = this.#nowMs;
    const body: RequestBody = { kind: 'read', keys: places.map(({ bytes }) => bytes), withoutValues: false, wish };
    this.submit(caller, call, body, (answer) => {
      if (answer instanceof GridError || answer.type !== 'readAnswer') return then(undefined);
      const seen = answer.entries.map(observationOf);
      places.forEach((place, index) => {
        const result: Result = { kind: 'observed', seen: must(seen[index], 'an entry for each key') };
        this.#remember(caller, { place, action: { kind: 'get' }, result, invokedMs });
      });
      then(seen);
    });
  }

  /** In one of the modes that ask for less, or for the same without a clock. */
  readWeakly(caller: Caller, place: Place, then: () => void): void {
    const draw = caller.random.below(5);
    if (draw === 0) return this.read(caller, [place], then, { mode: 'readIndex' });
    const maxStalenessMs = pick(caller.random, [0, 20, 200, 1_000]);
    const wish: ReadWish & { readonly mode: WeakRead['mode'] } =
      draw === 1
        ? { mode: 'eventual' }
        : draw === 2
          ? { mode: 'session', tokens: undefined }
          : { mode: 'bounded', maxStalenessMs };
    const { mode } = wish;
    const call = { map: place.map, partition: place.partition, timeoutMs: this.#drawTimeoutMs(caller) };
    const invokedMs = this.#nowMs;
    const life = `${caller.client.process.name}/${caller.client.lives}`;
    const body: RequestBody = { kind: 'read', keys: [place.bytes], withoutValues: false, wish };
    this.submit(caller, call, body, (answer, connection) => {
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
        process: caller.client.process.name,
        what: `${mode} read`,
        detail: { place: place.name, seen },
      });
      then();
    });
  }

  /** From the near cache of its client, if that may serve it. Its time is that of the look-up: a stopped process calls nobody. */
  readNear(caller: Caller, { place, settings }: { place: Place; settings: NearCacheSettings }, then: () => void): void {
    const { process, lives } = caller.client;
    const timeoutMs = this.#drawTimeoutMs(caller);
    const client = `${process.name}/${lives}`;
    process.post(() => {
      const invokedMs = this.#nowMs;
      const finish = this.#opened(caller, (answer) => {
        const [entry] = answer instanceof GridError || answer.type !== 'readAnswer' ? [] : answer.entries;
        const result: Result | undefined = entry && { kind: 'observed', seen: observationOf(entry) };
        if (result !== undefined) this.#remember(caller, { place, action: { kind: 'get' }, result, invokedMs });
        then();
      });
      const at = { name: place.map, map: asMapId(MAPS.indexOf(place.map)), ...partOf(place) };
      const machine = must(process.machine, 'a process that has a turn');
      const seen = readNear(machine, { settings, at, timeoutMs, nowMs: process.clockMs }, finish);
      if (seen === undefined) return;
      finish.cancel();
      const [connection, mode, maxStalenessMs] = [undefined, 'near', settings.maxStaleMs] as const;
      const { partition, name: key } = place;
      const times = { invokedMs, returnedMs: this.#nowMs };
      this.weakReads.push({ client, connection, partition, key, mode, maxStalenessMs, seen, lsn: 0, ...times });
      const { trace } = this.#options.world;
      trace.add({ timeMs: this.#nowMs, process: process.name, what: 'near read', detail: { place: place.name, seen } });
      then();
    });
  }

  /** Of all the registers of a partition, in one answer: what it lists is there, and what it does not list is not. */
  scan(
    caller: Caller,
    { partition, places }: { partition: PartitionId; places: readonly Place[] },
    then: () => void,
  ): void {
    const call = { map: REGISTERS, partition, timeoutMs: this.#drawTimeoutMs(caller) } as const;
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
    this.submit(caller, call, body, (answer) => {
      if (answer instanceof GridError || answer.type !== 'scanAnswer' || !answer.done) return then();
      const found = new Map(answer.entries.map((entry) => [text.decode(entry.key), entry]));
      for (const place of places) {
        const entry = found.get(text.decode(place.bytes));
        const seen: Observation =
          entry === undefined
            ? { kind: 'absent' }
            : { kind: 'entry', value: text.decode(entry.value), version: { epoch: entry.epoch, lsn: entry.lsn } };
        // It does not count for the client's session.
        const by = { process: `${caller.client.process.name}/${caller.client.lives} scan` };
        this.#remember(caller, {
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

  submit(
    caller: Caller,
    { map, partition, timeoutMs }: { map: MapName | MapId; partition: PartitionId; timeoutMs: number },
    body: RequestBody,
    done: Answered,
  ): void {
    let pending: Pending | undefined;
    const finish = this.#opened(caller, (result, connection) => done(result, connection, pending?.sentEpoch));
    const isWrite = body.kind === 'write' || body.kind === 'commit';
    const withinMs = isWrite ? this.#options.writeTimeoutMs(caller, timeoutMs) : timeoutMs;
    caller.client.process.post(() => {
      const id = typeof map === 'string' ? asMapId(MAPS.indexOf(map)) : map;
      const request = { partition, map: id, body, timeoutMs: withinMs };
      pending = caller.client.process.machine?.submit(request, finish, caller.client.process.clockMs);
    });
    if (isWrite) this.#options.onWrite(caller, () => pending);
  }

  /** It ends once, also if its client crashes before. `cancel`: it was no call. */
  #opened(caller: Caller, done: Answered): OpenCall {
    let isDone = false;
    const finish = (result: ClientAnswer | GridError): void => {
      if (isDone) return;
      isDone = true;
      if (result instanceof GridError) this.#options.world.onTold?.(result.code);
      caller.client.open.delete(finish);
      done(result, caller.client.heardFrom);
    };
    caller.client.open.add(finish);
    const cancel = (): void => {
      isDone = true;
      caller.client.open.delete(finish);
    };
    return Object.assign(finish, { cancel });
  }

  /** What nobody waits for may appear from now on, or never. */
  strangeValue(place: Place): Uint8Array {
    this.#strangeValues += 1;
    const value = `stranger.${this.#strangeValues}`;
    const result: Result = { kind: 'unknown', code: 'nobody waits' };
    const [process, invokedMs, returnedMs] = [`stranger/${this.#strangeValues}`, this.#nowMs, Number.POSITIVE_INFINITY];
    const action: Action = { kind: 'set', value };
    this.#options.history.add({ process, key: place.name, action, result, invokedMs, returnedMs });
    return bytesOf(value);
  }

  /** Sizes and pages. */
  lookAround(caller: Caller, registers: readonly Place[], then: () => void): void {
    const { random, client } = caller;
    const { partition } = pick(random, registers);
    lookAround({
      ...{ random, partition, places: registers, nowMs: () => this.#nowMs, then },
      ask: (of, body, done) =>
        this.submit(caller, { map: REGISTERS, partition: of, timeoutMs: this.#drawTimeoutMs(caller) }, body, done),
      saw: (place, seen, invokedMs) =>
        this.#remember(caller, {
          ...{ place, action: { kind: 'get' }, result: { kind: 'observed', seen }, invokedMs },
          process: `${client.process.name}/${client.lives} scan`,
        }),
    });
  }

  #remember(
    caller: Caller,
    {
      place,
      action,
      result,
      invokedMs,
      process = `${caller.client.process.name}/${caller.client.lives}`,
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
    trace.add({ timeMs: this.#nowMs, process: caller.client.process.name, what: 'answer', detail });
  }

  get #nowMs(): number {
    return this.#options.world.scheduler.nowMs;
  }

  #drawTimeoutMs({ random }: Caller): number {
    return this.isHurried ? pick(random, [1_000, 3_000, 10_000, 30_000]) : 20_000;
  }
}
