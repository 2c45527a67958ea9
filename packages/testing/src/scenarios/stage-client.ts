/** A client of a script: each call is one operation of the history, and tells the script how it ended. */
import {
  type ClientAnswer,
  type ClientMachine,
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
  type MapId,
  type Mutation,
  must,
  partitionOf,
  type Random,
} from '@ostraca/core';
import type { Action, History, Result, Version } from '../checkers/history.ts';
import type { WeakRead } from '../checkers/weak-reads.ts';
import { CATALOG_URL } from '../simulator/cluster.ts';
import { readNear } from '../simulator/near-reads.ts';
import { MAPS, type MapName } from '../simulator/places.ts';
import { FLEETING, GRID, REGISTERS, SCRATCH } from '../simulator/scenario.ts';
import { VirtualProcess, type World } from '../simulator/virtual-process.ts';
import { observationOf, resultOf, wireOperation } from '../simulator/wire-forms.ts';
import { StageTransaction } from './stage-transaction.ts';

export interface Records {
  readonly history: History;
  /** Of the keys with a time to live: those that begin with `ttl`. */
  readonly fleeting: History;
  readonly weakReads: WeakRead[];
}

export interface StageClientOptions {
  readonly name: string;
  readonly world: World;
  readonly random: Random;
  readonly containerUrls: readonly string[];
  readonly partitionCount: number;
  readonly records: Records;
  readonly mutations: ReadonlySet<Mutation>;
}

/** Of every near cache of a script. */
export const NEAR = { maxBytes: 100_000, maxStaleMs: 200 } as const;

export interface Call {
  readonly client: string;
  readonly key: string;
  readonly action: Action;
  readonly invokedMs: number;
  returnedMs: number | undefined;
  result: Result | undefined;
}

export interface CallOptions {
  readonly timeoutMs?: number;
}

/** Linearizable unless it says something else. */
export type Wish = 'linearizable' | 'readIndex' | 'eventual' | 'session' | { readonly maxStalenessMs: number };

/** In one word: `open`, `applied`, `unknown`, `absent`, `present`, `other`, the value, or the code of the refusal. */
export function outcomeOf({ result }: Call): string {
  if (result === undefined) return 'open';
  switch (result.kind) {
    case 'observed':
      return result.seen.kind === 'entry' ? result.seen.value : result.seen.kind;
    case 'not_applied':
      return result.code;
    default:
      return result.kind;
  }
}

/** Of a call that wrote or found an entry. */
export function versionOf(call: Call): Version {
  const { result } = call;
  if (result?.kind === 'applied') return result.version;
  return must(
    result?.kind === 'observed' && result.seen.kind === 'entry' ? result.seen.version : undefined,
    `the version of ${call.key}, which is ${outcomeOf(call)}`,
  );
}

export class StageClient {
  readonly process: VirtualProcess<ClientMachine>;
  readonly calls: Call[] = [];
  readonly #options: StageClientOptions;

  constructor(options: StageClientOptions) {
    this.#options = options;
    const { name, world, random } = options;
    this.process = new VirtualProcess<ClientMachine>({ name, world, random: random.fork(), clockRate: 1 });
  }

  start(): void {
    const { name, random, containerUrls } = this.#options;
    const clientId = random.hex(32);
    const machineRandom = random.fork();
    const endpoints = [CATALOG_URL, ...containerUrls];
    this.process.start({ role: 'client', name, incarnation: clientId }, (effects) => {
      const settings = { connectTimeoutMs: 600_000, maxPendingBytes: 64 * 1024 * 1024, onUnavailable: 'wait' } as const;
      const { clocks } = this.process;
      const options = { endpoints, grid: GRID, clientId, random: machineRandom, effects, settings, clocks };
      const machine = newClientMachine({ ...options, mutations: this.#options.mutations });
      machine.start(this.process.clockMs, () => {});
      return machine;
    });
  }

  get openCount(): number {
    return this.calls.filter(({ result }) => result === undefined).length;
  }

  /** Values are unique in a script; `name~400` lives for 400 ms. */
  set(key: string, value: string, options?: CallOptions): Call {
    return this.#write(key, { kind: 'set', value }, options);
  }

  insert(key: string, value: string, options?: CallOptions): Call {
    return this.#write(key, { kind: 'insert', value }, options);
  }

  /** A lock by name: inserted when its turn has come. */
  acquire(key: string, value: string, { timeoutMs = 20_000 }: CallOptions = {}): Call {
    const action: Action = { kind: 'insert', value };
    const call = this.#open(key, action);
    const operation = { ...wireOperation(action, encodeKey(key)), kind: 'acquire' } as const;
    this.#submit(call, { body: { kind: 'write', operations: [operation] }, timeoutMs }, (answer) => {
      call.result = resultOf(action, answer);
      this.#remember(call);
    });
    return call;
  }

  update(key: string, value: string, options?: CallOptions): Call {
    return this.#write(key, { kind: 'update', value }, options);
  }

  delete(key: string, options?: CallOptions): Call {
    return this.#write(key, { kind: 'delete' }, options);
  }

  /** Only over the entry that `seen` wrote or found. */
  swap(key: string, value: string, seen: Call): Call {
    const expectedValue =
      seen.action.kind === 'get' ? outcomeOf(seen) : 'value' in seen.action ? seen.action.value : '';
    return this.#write(key, { kind: 'swap', value, expected: versionOf(seen), expectedValue });
  }

  get(key: string, wish: Wish = 'linearizable', { timeoutMs = 20_000 }: CallOptions = {}): Call {
    const call = this.#open(key, { kind: 'get' });
    const body: RequestBody = { kind: 'read', keys: [encodeKey(key)], withoutValues: false, wish: wishOf(wish) };
    this.#submit(call, { body, timeoutMs }, (answer, connection) => {
      const entry = answer instanceof GridError || answer.type !== 'readAnswer' ? undefined : answer.entries[0];
      if (entry === undefined || answer instanceof GridError || answer.type !== 'readAnswer') {
        // A read that failed says nothing, and leaves nothing behind.
        call.result = { kind: 'not_applied', code: answer instanceof GridError ? answer.code : answer.type };
        return;
      }
      const seen = observationOf(entry);
      call.result = { kind: 'observed', seen };
      if (wish === 'linearizable' || wish === 'readIndex') return this.#remember(call);
      // The checker of weak reads does not know that entries end.
      if (mapOfKey(key) === FLEETING) return;
      this.#options.records.weakReads.push({
        ...{ client: call.client, connection: connection === undefined ? undefined : `${connection}` },
        ...{ partition: this.#partitionOf(key), key: call.key, seen, lsn: answer.lsn },
        mode: typeof wish === 'object' ? 'bounded' : wish,
        maxStalenessMs: typeof wish === 'object' ? wish.maxStalenessMs : 0,
        ...{ invokedMs: call.invokedMs, returnedMs: this.#nowMs },
      });
    });
    return call;
  }

  transaction(): StageTransaction {
    const { process } = this;
    return new StageTransaction({
      mapOf: mapIdOf,
      wrote: (commit, key, value) => this.#remember({ ...commit, key, action: { kind: 'set', value } }),
      begin: () => must(process.machine, 'a client that runs').transactions.begin(asPartitionId(0)),
      ask: ({ key, action }, { map, body }, done) => {
        const call = this.#open(key, action);
        this.#submit(call, { body, timeoutMs: 20_000, map }, (answer, _, sentEpoch) => {
          call.result = done(answer, sentEpoch);
        });
        return call;
      },
    });
  }

  /** Through the client's near cache. */
  near(key: string, { timeoutMs = 20_000 }: CallOptions = {}): Call {
    const call = this.#open(key, { kind: 'get' });
    const { process } = this;
    process.post(() => {
      const name = mapOfKey(key);
      const partition = asPartitionId(this.#partitionOf(key));
      const at = { name, map: asMapId(MAPS.indexOf(name)), partition, key, bytes: encodeKey(key) };
      const machine = must(process.machine, 'a process that has a turn');
      const read = { settings: NEAR, at, timeoutMs, nowMs: process.clockMs };
      const seen = readNear(machine, read, (answer) => {
        const entry = answer instanceof GridError || answer.type !== 'readAnswer' ? undefined : answer.entries[0];
        call.returnedMs = this.#nowMs;
        if (entry === undefined) call.result = { kind: 'not_applied', code: 'no entry' };
        else {
          call.result = { kind: 'observed', seen: observationOf(entry) };
          this.#remember(call);
        }
      });
      if (seen === undefined) return;
      call.returnedMs = this.#nowMs;
      call.result = { kind: 'observed', seen };
      this.#options.records.weakReads.push({
        ...{ client: call.client, connection: undefined, partition, key: call.key, mode: 'near', seen, lsn: 0 },
        ...{ maxStalenessMs: NEAR.maxStaleMs, invokedMs: call.invokedMs, returnedMs: this.#nowMs },
      });
    });
    return call;
  }

  #write(key: string, action: Action, { timeoutMs = 20_000 }: CallOptions = {}): Call {
    const call = this.#open(key, action);
    const body: RequestBody = { kind: 'write', operations: [wireOperation(action, encodeKey(key))] };
    this.#submit(call, { body, timeoutMs }, (answer) => {
      call.result = resultOf(action, answer);
      this.#remember(call);
    });
    return call;
  }

  #open(key: string, action: Action): Call {
    const { name } = this.#options;
    const call: Call = { client: name, key, action, invokedMs: this.#nowMs, returnedMs: undefined, result: undefined };
    this.calls.push(call);
    return call;
  }

  #submit(
    call: Call,
    {
      body,
      timeoutMs,
      map = mapIdOf(call.key),
    }: { readonly body: RequestBody; readonly timeoutMs: number; readonly map?: MapId },
    done: (answer: ClientAnswer | GridError, connection: number | undefined, sentEpoch: number) => void,
  ): void {
    const { process } = this;
    const partition = asPartitionId(this.#partitionOf(call.key));
    const request = { partition, map, body, timeoutMs };
    let pending: Pending | undefined;
    process.post(() => {
      pending = process.machine?.submit(
        request,
        (answer) => {
          call.returnedMs = this.#nowMs;
          done(answer, pending?.link?.connection, pending?.sentEpoch ?? 0);
          const detail = { key: call.key, action: call.action, result: call.result };
          this.#options.world.trace.add({ timeMs: this.#nowMs, process: process.name, what: 'answer', detail });
        },
        process.clockMs,
      );
    });
  }

  #remember({ client, key, action, result, invokedMs }: Call): void {
    const { history, fleeting } = this.#options.records;
    const returnedMs = result?.kind === 'unknown' ? Number.POSITIVE_INFINITY : this.#nowMs;
    const known = must(result, 'an answer');
    (mapOfKey(key) === FLEETING ? fleeting : history).add({
      ...{ process: client, key, action, result: known, invokedMs, returnedMs },
    });
  }

  #partitionOf(key: string): number {
    return partitionOf(encodeKey(key), this.#options.partitionCount, []);
  }

  get #nowMs(): number {
    return this.#options.world.scheduler.nowMs;
  }
}

/** After the others, in the order of the stage's policy. */
function mapIdOf(key: string): MapId {
  return asMapId(key.startsWith('lck') ? MAPS.length : MAPS.indexOf(mapOfKey(key)));
}

function mapOfKey(key: string): MapName {
  if (key.startsWith('lim')) return SCRATCH;
  return key.startsWith('ttl') ? FLEETING : REGISTERS;
}

function wishOf(wish: Wish): ReadWish {
  if (typeof wish === 'object') return { mode: 'bounded', maxStalenessMs: wish.maxStalenessMs };
  return wish === 'session' ? { mode: 'session', tokens: undefined } : { mode: wish };
}
