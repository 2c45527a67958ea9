/**
 * Clients with several callers each, who write unique values, raise counters with `ifVersion`, and look at what is
 * there. Every answer goes into the history.
 */
import { type ClientMachine, type ClientMachineSettings, newClientMachine } from '@ostraca/client';
import { GridError, type Mutation, must, newRandom, type PartitionId, type Random } from '@ostraca/core';
import { heightOf } from '../checkers/counters.ts';
import type { Action, Result } from '../checkers/history.ts';
import type { WeakRead } from '../checkers/weak-reads.ts';
import { type Caller, Calls, type CallsOptions, type Client, type WriteWatch } from './calls.ts';
import { CATALOG_URL, containerUrl } from './cluster.ts';
import { Impatience } from './impatience.ts';
import { NOTHING_OMITTED, type Omissions, type OperationKind } from './omissions.ts';
import { type MapName, type Place, Places } from './places.ts';
import { COUNTERS, FLEETING, GRID, limitOf, pick, REGISTERS, SCRATCH, type Scenario } from './scenario.ts';
import { TransactionCallers } from './transaction-callers.ts';
import { VirtualProcess, type World } from './virtual-process.ts';
import { groupsOf } from './wire-forms.ts';

export interface WorkloadOptions extends CallsOptions {
  readonly scenario: Scenario;
  readonly world: World;
  readonly random: Random;
  readonly omissions?: Omissions;
  readonly mutations?: ReadonlySet<Mutation>;
}

export class Workload {
  readonly #scenario: Scenario;
  readonly #world: World;
  readonly #omissions: Omissions;
  readonly #mutations: ReadonlySet<Mutation>;
  readonly #clients: Client[] = [];
  readonly #callers: Caller[] = [];
  readonly #checker: Caller;
  readonly #places: Places;
  readonly #calls: Calls;
  readonly #impatience: Impatience;
  readonly #transactions: TransactionCallers | undefined;
  #isRunning = false;
  #isResting = false;

  constructor(options: WorkloadOptions) {
    const { scenario, world, random, omissions = NOTHING_OMITTED, mutations = new Set(), ...histories } = options;
    this.#scenario = scenario;
    this.#world = world;
    this.#omissions = omissions;
    this.#mutations = mutations;
    this.#places = new Places(scenario.mapSet.numberOfPartitions);
    this.#impatience = new Impatience({ scenario, world });
    const onWrite: WriteWatch['onWrite'] = (caller, pending) => {
      if (caller !== this.#checker) this.#impatience.watch(caller, pending);
    };
    const writeTimeoutMs: WriteWatch['writeTimeoutMs'] = (caller, timeoutMs) =>
      caller === this.#checker ? timeoutMs : this.#impatience.shorten(caller, timeoutMs);
    this.#calls = new Calls({ world, ...histories, onWrite, writeTimeoutMs });
    // It only checks: it starts anew for the end of the run. First, so that its draws do not hang on how many others are.
    const checker = this.#newClient('checker', random.fork());
    this.#checker = newCaller(checker, 'checker', random.fork());
    for (let index = 1; index <= scenario.clientCount; index++) {
      const stream = random.fork();
      const client = this.#newClient(`client${index}`, stream.fork());
      for (let caller = 1; caller <= scenario.workersPerClient; caller++)
        this.#callers.push(newCaller(client, `${client.process.name}.${caller}`, stream.fork()));
      this.#clients.push(client);
    }
    this.#transactions = this.#newTransactionCallers();
    this.#clients.push(checker);
    for (let index = 0; index < scenario.keyCount; index++) this.place(REGISTERS, `r${index}`);
    for (let index = 0; index < scenario.counterCount; index++) this.place(COUNTERS, `n${index}`);
    for (let index = 0; index < 6; index++) this.place(SCRATCH, `s${index}`);
  }

  /** Acknowledged writes. */
  get commitCount(): number {
    return this.#calls.commitCount;
  }

  /** What replicas may have answered, in the order of the answers. */
  get weakReads(): readonly WeakRead[] {
    return this.#calls.weakReads;
  }

  get clientNames(): string[] {
    return this.#clients.map(({ process }) => process.name);
  }

  get checker(): VirtualProcess<ClientMachine> {
    return this.#checker.client.process;
  }

  /** Every process that calls, but for the checker. */
  get callers(): VirtualProcess<ClientMachine>[] {
    return this.#clients.slice(0, -1).map(({ process }) => process);
  }

  /** All keys that were ever used. */
  get places(): readonly Place[] {
    return this.#places.all;
  }

  /** By the name of its place; of those that were used. */
  partitionOfKey(name: string): PartitionId | undefined {
    return this.#places.find(name)?.partition;
  }

  place(map: MapName, key: string): Place {
    return this.#places.of(map, key);
  }

  start(): void {
    this.#isRunning = true;
    this.#calls.isHurried = true;
    // A clear is booked for each of them, also for one that nobody has used yet: its first write may come before the clear.
    for (let index = 0; index < this.#scratchCount; index++) this.place(SCRATCH, `s${index}`);
    for (const client of this.#clients) this.#startClient(client);
    for (const caller of this.#callers) if (!this.#omissions.callers.includes(caller.name)) this.#think(caller);
    this.#transactions?.start();
  }

  get #scratchCount(): number {
    return limitOf(this.#scenario) === undefined ? 6 : 16;
  }

  /** Nobody calls for a while, and nobody forgets that there is a grid. */
  rest(isResting: boolean): void {
    this.#isResting = isResting;
  }

  strangePlace(partition: PartitionId, life: number): Place {
    return this.#places.strangeOf(partition, life);
  }

  strangeValue(partition: PartitionId, life: number): Uint8Array {
    return this.#calls.strangeValue(this.strangePlace(partition, life));
  }

  /** No new calls; those that are out still get their answers. */
  stop(): void {
    this.#isRunning = false;
    this.#calls.isHurried = false;
  }

  get openCount(): number {
    const calls = this.#clients.reduce((sum, { open }) => sum + open.size, 0);
    return calls + (this.#transactions?.openCount ?? 0);
  }

  /** False: there is none of this name. */
  crashClient(name: string): boolean {
    const client = this.#clients.find(({ process }) => process.name === name);
    if (client === undefined) return false;
    const restart = (): void => {
      client.process.crash();
      const error = new GridError('closed', { details: { reason: 'the client crashed' } });
      for (const give of [...client.open]) give(error);
      this.#startClient(client);
    };
    if (!this.#impatience.close(client, restart)) restart();
    return true;
  }

  restartClients(): void {
    for (const client of this.#clients) {
      client.process.continue();
      this.#startClient(client);
    }
  }

  /** Drawn apart, so that runs without them stay what they were. */
  #newTransactionCallers(): TransactionCallers | undefined {
    const { transactions, seed } = this.#scenario;
    if (transactions === undefined) return undefined;
    const random = newRandom(seed ^ 0x71374491);
    const callers = this.#clients.flatMap((client) =>
      Array.from({ length: transactions.callersPerClient }, (_, index) =>
        newCaller(client, `${client.process.name}.t${index + 1}`, random.fork()),
      ),
    );
    return new TransactionCallers({
      ...{ scenario: this.#scenario, world: this.#world, calls: this.#calls },
      callers: callers.filter(({ name }) => !this.#omissions.callers.includes(name)),
      mayCall: ({ client }) => this.#isRunning && client.process.isAlive && this.#isDue && !this.#isResting,
    });
  }

  /** Those who make them. */
  get transactions(): TransactionCallers | undefined {
    return this.#transactions;
  }

  readLists(isWanted: (partition: PartitionId) => boolean, done: (ok: boolean) => void): void {
    if (this.#transactions === undefined) done(true);
    else this.#transactions.readAll(this.#checker, isWanted, done);
  }

  get #isDue(): boolean {
    const { beforeMs, afterMs } = this.#omissions;
    const { nowMs } = this.#world.scheduler;
    return nowMs >= beforeMs && nowMs <= afterMs;
  }

  #newClient(name: string, random: Random): Client {
    const clockRate = 1 + this.#scenario.clockError * (2 * random.unit() - 1);
    const process = new VirtualProcess<ClientMachine>({ name, world: this.#world, random: random.fork(), clockRate });
    return { process, open: new Set(), random, lives: 0, heardFrom: undefined };
  }

  #startClient(client: Client): void {
    if (client.process.isAlive) return;
    client.lives += 1;
    const clientId = client.random.hex(32);
    const endpoints = [
      CATALOG_URL,
      ...Array.from({ length: this.#scenario.containerCount }, (_, i) => containerUrl(`c${i + 1}`)),
    ];
    const random = client.random.fork();
    client.process.start({ role: 'client', name: client.process.name, incarnation: clientId }, (effects) => {
      const settings = this.#drawSettings(client);
      const mutations = this.#mutations;
      const { clocks } = client.process;
      const options = { endpoints, grid: GRID, clientId, random, effects, settings, mutations, clocks };
      const machine = newClientMachine(options);
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
  #drawSettings({ process, random }: Client): ClientMachineSettings {
    const patient = { connectTimeoutMs: 600_000, maxPendingBytes: 64 * 1024 * 1024, onUnavailable: 'wait' } as const;
    if (!this.#scenario.isCrowded || process === this.checker) return patient;
    return {
      ...patient,
      maxPendingBytes: pick(random, [patient.maxPendingBytes, 200]),
      onUnavailable: pick(random, ['wait', 'fail']),
    };
  }

  // ── Calls of the checker ──────────────────────────────────────────────────────────────────────────────────────

  /** Writes one key of this partition that nobody else uses; tells whether it was acknowledged. */
  probe(partition: PartitionId, done: (ok: boolean) => void): void {
    const caller = this.#checker;
    this.#write(caller, this.#places.probeOf(partition), { kind: 'set', value: newValue(caller) }, (result) =>
      done(result.kind === 'applied'),
    );
  }

  /** Reads all keys of these, each as an operation of the history. */
  readAll(places: readonly Place[], done: (ok: boolean) => void): void {
    let left = 0;
    let ok = true;
    for (const group of groupsOf(places)) {
      left += 1;
      this.#calls.read(this.#checker, group, (entries) => {
        if (entries === undefined) ok = false;
        left -= 1;
        if (left === 0) done(ok);
      });
    }
    if (left === 0) done(true);
  }

  size(map: MapName, partition: PartitionId, done: (count: number | undefined) => void): void {
    this.#calls.submit(this.#checker, { map, partition, timeoutMs: 20_000 }, { kind: 'size' }, (result) => {
      done(!(result instanceof GridError) && result.type === 'sizeAnswer' ? result.count : undefined);
    });
  }

  // ── The callers ───────────────────────────────────────────────────────────────────────────────────────────────

  /** A caller rests, then calls, for ever. */
  #think(caller: Caller): void {
    const { scheduler } = this.#world;
    const random = caller.calls.fork();
    scheduler.after(random.unit() * 2 * this.#scenario.thinkMs, () => {
      if (!this.#isRunning) return;
      caller.random = random;
      if (caller.client.process.isAlive && this.#isDue && !this.#isResting)
        this.#call(caller, () => this.#think(caller));
      else this.#think(caller);
    });
  }

  #call(caller: Caller, then: () => void): void {
    const kind = this.#drawKind(caller.random);
    if (this.#scenario.isCrowded && !this.#omissions.operations.includes(kind) && caller.random.below(12) === 0) {
      const registers = this.places.filter(({ map }) => map === REGISTERS);
      return this.#calls.lookAround(caller, registers, then);
    }
    if (this.#omissions.operations.includes(kind)) return then();
    if (kind === 'fleeting') return this.#callFleeting(caller, then);
    if (kind === 'nearRead') return this.#readNear(caller, then);
    if (kind === 'raise') return this.#raise(caller, then);
    if (kind === 'batch') return this.#writeBatch(caller, then);
    if (kind === 'scratchSet' || kind === 'scratchRead' || kind === 'clear') return this.#scratch(caller, kind, then);
    this.#callRegister(caller, kind, then);
  }

  #drawKind(random: Random): OperationKind {
    if (this.#scenario.ownTtlsMs !== undefined && random.below(3) === 0) return 'fleeting';
    if (this.#scenario.nearCache !== undefined && random.below(2) === 0) return 'nearRead';
    if (limitOf(this.#scenario) !== undefined && random.below(3) === 0) {
      return pick(random, [
        'scratchSet',
        'scratchSet',
        'scratchRead',
        random.below(12) === 0 ? 'clear' : 'scratchRead',
      ]);
    }
    const weakOf = this.#scenario.nearCache === undefined ? 4 : 2;
    if (this.#scenario.mapSet.replicaReadEnabled && random.below(weakOf) === 0) return 'weakRead';
    const draw = random.below(100);
    if (draw < 25) return 'read';
    if (draw < 42) return 'set';
    if (draw < 49) return 'insert';
    if (draw < 56) return 'update';
    if (draw < 62) return 'delete';
    if (draw < 67) return 'swap';
    if (draw < 79) return 'raise';
    if (draw < 88) return 'insertNew';
    if (draw < 91) return 'batch';
    if (draw < 96) return 'scratchSet';
    if (draw < 97) return 'clear';
    return draw < 98 ? 'scan' : 'scratchRead';
  }

  #callRegister(caller: Caller, kind: OperationKind, then: () => void): void {
    const register = this.place(REGISTERS, `r${caller.random.below(this.#scenario.keyCount)}`);
    const value = newValue(caller);
    if (kind === 'weakRead') this.#calls.readWeakly(caller, register, () => this.#lookNear(caller, register, then));
    else if (kind === 'swap') this.#swap(caller, register, then);
    else if (kind === 'scan') this.#scan(caller, register.partition, then);
    else if (kind === 'insertNew') this.#write(caller, this.place(REGISTERS, `u-${value}`), insert(value), then);
    else if (kind === 'delete') this.#write(caller, register, { kind }, then);
    else if (kind === 'set' || kind === 'insert' || kind === 'update')
      this.#write(caller, register, { kind, value }, then);
    else this.#calls.read(caller, [register], then);
  }

  /** What a caller has just seen at a replica it often looks for near, too. */
  #lookNear(caller: Caller, place: Place, then: () => void): void {
    const settings = this.#scenario.nearCache;
    if (settings === undefined || !this.#isRunning || caller.random.below(2) === 0) return then();
    this.#calls.readNear(caller, { place, settings }, then);
  }

  #readNear(caller: Caller, then: () => void): void {
    const { random } = caller;
    const isScratch = random.below(4) === 0;
    const place = isScratch
      ? this.place(SCRATCH, `s${random.below(6)}`)
      : this.place(REGISTERS, `r${random.below(this.#scenario.keyCount)}`);
    const settings = must(this.#scenario.nearCache, 'settings of near caches');
    this.#calls.readNear(caller, { place, settings }, then);
  }

  #scratch(caller: Caller, kind: OperationKind, then: () => void): void {
    const isLimited = limitOf(this.#scenario) !== undefined;
    const place = this.place(SCRATCH, `s${caller.random.below(this.#scratchCount)}`);
    if (kind === 'clear') this.#clear(caller, place.partition, then);
    else if (kind === 'scratchSet' && isLimited) this.#crowd(caller, place, then);
    else if (kind === 'scratchSet') this.#write(caller, place, { kind: 'set', value: newValue(caller) }, then);
    else this.#calls.read(caller, [place], then);
  }

  /** In a map that has no room for all of its keys. */
  #crowd(caller: Caller, place: Place, then: () => void): void {
    const kind = pick(caller.random, ['set', 'set', 'insert', 'update', 'delete'] as const);
    this.#write(caller, place, kind === 'delete' ? { kind } : { kind, value: newValue(caller) }, then);
  }

  /** Of CREATION_TIME entries are written only anew, or with a time of their own: so each value has one that is known. */
  #callFleeting(caller: Caller, then: () => void): void {
    const { random } = caller;
    const place = this.place(FLEETING, `f${random.below(8)}`);
    const ownTtlMs = pick(random, [undefined, undefined, ...(this.#scenario.ownTtlsMs ?? [])]);
    const own = ownTtlMs === undefined ? '' : `~${ownTtlMs}`;
    const value = `${newValue(caller)}${own}`;
    const isFixed = this.#scenario.mapSet.maps.some(({ timeToLive }) => timeToLive?.type === 'CREATION_TIME');
    const draw = random.below(100);
    if (draw < 45) this.#calls.read(caller, [place], then);
    else if (draw < 55) this.#write(caller, place, { kind: 'touch' }, then);
    else if (draw < 60) this.#write(caller, place, { kind: 'delete' }, then);
    else if (draw < 85 || (isFixed && own === '')) this.#write(caller, place, insert(value), then);
    else if (draw < 95) this.#write(caller, place, { kind: 'update', value }, then);
    else this.#write(caller, place, { kind: 'set', value }, then);
  }

  #raise(caller: Caller, then: () => void): void {
    const place = this.place(COUNTERS, `n${caller.random.below(this.#scenario.counterCount)}`);
    this.#calls.read(caller, [place], (entries) => {
      const seen = entries?.[0];
      if (seen === undefined) return then();
      const id = newValue(caller);
      if (seen.kind !== 'entry') return this.#write(caller, place, insert(`0/${id}`), then);
      const value = `${heightOf(seen.value) + 1}/${id}`;
      this.#write(caller, place, { kind: 'swap', value, expected: seen.version, expectedValue: seen.value }, then);
    });
  }

  #swap(caller: Caller, place: Place, then: () => void): void {
    this.#calls.read(caller, [place], (entries) => {
      const seen = entries?.[0];
      if (seen?.kind !== 'entry') return then();
      const value = newValue(caller);
      this.#write(caller, place, { kind: 'swap', value, expected: seen.version, expectedValue: seen.value }, then);
    });
  }

  #writeBatch(caller: Caller, then: () => void): void {
    const all = Array.from({ length: this.#scenario.keyCount }, (_, index) => this.place(REGISTERS, `r${index}`));
    const { partition } = pick(caller.random, all);
    const places = all.filter((place) => place.partition === partition).slice(0, 2 + caller.random.below(3));
    const actions = places.map((): Action => ({ kind: 'set', value: newValue(caller) }));
    this.#calls.writeAll(caller, { places, actions }, then);
  }

  #clear(caller: Caller, partition: PartitionId, then: () => void): void {
    const places = this.places.filter((place) => place.map === SCRATCH && place.partition === partition);
    this.#calls.writeAll(caller, { places, actions: places.map((): Action => ({ kind: 'clear' })) }, then);
  }

  #scan(caller: Caller, partition: PartitionId, then: () => void): void {
    const places = this.places.filter((place) => place.map === REGISTERS && place.partition === partition);
    this.#calls.scan(caller, { partition, places }, then);
  }

  #write(caller: Caller, place: Place, action: Action, then: (result: Result) => void): void {
    this.#calls.writeAll(caller, { places: [place], actions: [action] }, then);
  }
}

function newCaller(client: Client, name: string, calls: Random): Caller {
  return { client, name, calls, random: calls, valueCount: 0 };
}

function insert(value: string): Action {
  return { kind: 'insert', value };
}

function newValue(caller: Caller): string {
  caller.valueCount += 1;
  return `${caller.name}.${caller.valueCount}`;
}
