/**
 * What a script plays on: a fixed topology in the simulator's world, where everything happens when the script says so.
 * The catalog, the containers and the clients are the real code behind the real codec; network, clocks and disks are
 * the simulator's; latencies are constant and nothing goes wrong by itself.
 *
 *     const { p, q, r } = stage.roles()      the primary of partition 0 and its replicas
 *     stage.part([p, 'x'])                   these are cut off from everybody else
 *     const call = stage.x.set('k', 'one')   a client calls ...
 *     stage.expect(call, 'applied')          ... and is answered so, in time
 *     stage.end()                            all is mended; progress, agreement, and every checker's word
 */
import {
  asPartitionId,
  type Container,
  encodeKey,
  FAILURE_DETECTION_LEVELS,
  type FailureDetection,
  LIMITS,
  type MapSetPolicy,
  type Message,
  type Mutation,
  must,
  newRandom,
  type OnInSyncLoss,
  type PartitionConfig,
  partitionOf,
  type Shard,
} from '@ostraca/core';
import { decodeFrame, encodeFrames } from '@ostraca/protocol';
import type { Violation } from '../checkers/history.ts';
import { Cluster, containerUrl } from '../simulator/cluster.ts';
import { COUNTERS, FLEETING, GRID, REGISTERS, SCRATCH, type Scenario } from '../simulator/scenario.ts';
import { Scheduler } from '../simulator/scheduler.ts';
import { Trace } from '../simulator/trace.ts';
import { VirtualProcess, type World } from '../simulator/virtual-process.ts';
import { type Call, outcomeOf, StageClient } from './stage-client.ts';
import { type Hold, type HoldRule, StageNetwork } from './stage-network.ts';
import { Verdict } from './verdict.ts';

const FORMING_MS = 30_000;
const RECOVERY_MS = 45_000;
const STEP_MS = 1;

export interface StageOptions {
  readonly containers: number;
  /** Default 1. */
  readonly minSync?: number;
  /** Default: minSync. */
  readonly maxSync?: number;
  /** Default 0. */
  readonly maxAsync?: number;
  /** Default 1; a script's keys should then be in the one that it plays with. */
  readonly partitions?: number;
  /** Default `aggressive`: 600 ms. */
  readonly detection?: FailureDetection;
  /** Default `unavailable`. */
  readonly onInSyncLoss?: OnInSyncLoss;
  /** Of keys that begin with `ttl`, from their last update. Default 2,000. */
  readonly ttlMs?: number;
  /** Of a container's log. Default: that of production. */
  readonly logRetentionBytes?: number;
  readonly mutations?: ReadonlySet<Mutation>;
  /** Gets every event's line as it happens. */
  readonly print?: (line: string) => void;
}

/** The script's own expectation is not met. */
export class ScriptFailure extends Error {
  override readonly name = 'ScriptFailure';
}

export class Stage {
  readonly leaseMs: number;
  readonly cluster: Cluster;
  readonly network: StageNetwork;
  readonly x: StageClient;
  readonly y: StageClient;
  /** Requests that clients have sent: no answer may cost an endless number of them. */
  requestCount = 0;
  readonly #options: StageOptions;
  readonly #scheduler: Scheduler;
  readonly #world: World;
  readonly #checker: StageClient;
  readonly #verdict: Verdict;
  readonly #parted: [string, string][] = [];

  constructor(options: StageOptions) {
    this.#options = options;
    const random = newRandom(20_260);
    this.#scheduler = new Scheduler(random.fork());
    const scenario = scenarioOf(options);
    const { latency, mapSet } = scenario;
    this.leaseMs = mapSet.failureDetection.suspectAfterMs;
    this.network = new StageNetwork({ scheduler: this.#scheduler, random: random.fork(), latency });
    this.#verdict = new Verdict({
      partitionCount: mapSet.numberOfPartitions,
      ttlMs: options.ttlMs ?? 2_000,
      nowMs: () => this.nowMs,
      cluster: () => this.cluster,
      partitionOfKey: (key) => partitionOf(encodeKey(key), mapSet.numberOfPartitions, []),
    });
    const verdict = this.#verdict;
    const world: World = {
      scheduler: this.#scheduler,
      network: this.network,
      codec: { encode: (messages) => encodeFrames(messages), decode: (frame) => decodeFrame(frame) as Message[] },
      trace: new Trace(1, options.print),
      onSend: (_from, message) => {
        if (message.type === 'write' || message.type === 'read') this.requestCount += 1;
        verdict.onSend(message);
      },
      onAct: (how, shard) => verdict.onAct(how, shard),
      onNote: (note) => verdict.onNote(note),
      onThrow: (process, error) => {
        const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
        verdict.violate('assertion', `${process} threw: ${what}`);
      },
    };
    this.#world = world;
    this.cluster = new Cluster({ scenario, world, random: random.fork(), mutations: options.mutations ?? new Set() });
    const containerUrls = this.cluster.containers.map(({ name }) => containerUrl(name));
    const [x, y, checker] = ['x', 'y', 'checker'].map((name) => {
      const { numberOfPartitions: partitionCount } = mapSet;
      const { records } = verdict;
      return new StageClient({ name, world, random: random.fork(), containerUrls, partitionCount, records });
    });
    this.x = must(x, 'x');
    this.y = must(y, 'y');
    this.#checker = must(checker, 'checker');
  }

  /** All copies are placed, in sync or consistent, and both clients know the way. */
  form(): void {
    const { maxSync, minSync = 1, maxAsync = 0 } = this.#options;
    this.cluster.startCatalog();
    for (const process of this.cluster.containers) this.cluster.startContainer(process);
    for (const client of [this.x, this.y, this.#checker]) client.start();
    this.until(
      'all copies are in sync',
      FORMING_MS,
      () =>
        this.#configs.every(
          ({ sync, async, joining }) =>
            sync.length === 1 + (maxSync ?? minSync) && async.length === maxAsync && joining.length === 0,
        ) && this.#configs.length === (this.#options.partitions ?? 1),
    );
    for (const client of [this.x, this.y])
      this.expect(client.set(`first-${client.process.name}`, `first ${client.process.name}`), 'applied');
    this.until('replicas have heard of it', 5_000, () =>
      [...this.config.sync, ...this.config.async].every(
        ({ container }) => this.shard(container)?.decidedLsn === this.shard(this.config.primary.container)?.decidedLsn,
      ),
    );
  }

  // ── What is there ─────────────────────────────────────────────────────────────────────────────────────────────

  get nowMs(): number {
    return this.#scheduler.nowMs;
  }

  /** Of partition 0, as the catalog has it. */
  get config(): PartitionConfig {
    return must(this.#configs[0], 'the configuration of partition 0');
  }

  get configs(): readonly PartitionConfig[] {
    return this.#configs;
  }

  get #configs(): readonly PartitionConfig[] {
    const partitions = this.cluster.catalog.machine?.state().partitions ?? [];
    return partitions.filter((config) => config !== undefined);
  }

  /** Of partition 0: p is the primary, q, r and s are its replicas in sync, async has no vote, spare has no copy. */
  roles(): { p: string; q: string; r: string; s: string; async: string; spare: string } {
    const { primary, sync, async } = this.config;
    const p = primary.container;
    const [q = '', r = '', s = ''] = sync
      .map(({ container }) => container)
      .filter((name) => name !== p)
      .sort();
    const copies = [...sync, ...async].map(({ container }) => container);
    const spare = this.cluster.containers.map(({ name }) => name).find((name) => !copies.includes(name)) ?? '';
    return { p, q, r, s, async: async[0]?.container ?? '', spare };
  }

  shard(name: string, partition = 0): Shard | undefined {
    return this.process(name).machine?.inspectShard(asPartitionId(partition));
  }

  lastLsn(name: string): number {
    return must(this.shard(name), `the shard of ${name}`).log.lastLsn;
  }

  process(name: string): VirtualProcess<Container> {
    return this.cluster.container(name);
  }

  // ── Time ──────────────────────────────────────────────────────────────────────────────────────────────────────

  pass(ms: number): void {
    this.#scheduler.runUntil(this.nowMs + ms);
    this.#verdict.inspect();
  }

  until(what: string, boundMs: number, condition: () => boolean): void {
    const endMs = this.nowMs + boundMs;
    while (!condition()) {
      if (this.nowMs >= endMs) throw new ScriptFailure(`after ${boundMs} ms: not ${what}; ${this.describe()}`);
      this.pass(STEP_MS);
    }
  }

  /** The call has ended like that within `boundMs`. */
  expect(call: Call, outcome: string, boundMs = 20_500): void {
    const said = `${call.client} ${call.action.kind} ${call.key}`;
    this.until(`${said} has ended`, boundMs, () => call.result !== undefined);
    // Whatever is called next is called after it, and the checkers know that.
    this.pass(STEP_MS);
    if (outcomeOf(call) === outcome) return;
    throw new ScriptFailure(`${said} was to be ${outcome} and is ${outcomeOf(call)}; ${this.describe()}`);
  }

  /** Writes until it is acknowledged, a new value each time; returns the value that it is then. */
  insist(client: StageClient, key: string, value: string, boundMs = 10_000): string {
    const endMs = this.nowMs + boundMs;
    for (let attempt = 0; ; attempt++) {
      const written = attempt === 0 ? value : `${value} ${attempt}`;
      const call = client.set(key, written);
      this.until(`set ${key} has ended`, 20_500, () => call.result !== undefined);
      if (outcomeOf(call) === 'applied') return written;
      this.check(`${key} is written within ${boundMs} ms`, this.nowMs < endMs);
      this.pass(20);
    }
  }

  expectOpen(call: Call): void {
    if (call.result === undefined) return;
    const said = `${call.client} ${call.action.kind} ${call.key}`;
    throw new ScriptFailure(`${said} was to be open and is ${outcomeOf(call)}; ${this.describe()}`);
  }

  check(what: string, isTrue: boolean): void {
    if (!isTrue) throw new ScriptFailure(`not so: ${what}; ${this.describe()}`);
  }

  // ── Faults ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** These are cut off from all others. */
  part(inside: readonly string[]): void {
    const outside = this.#names().filter((name) => !inside.includes(name));
    for (const a of inside) for (const b of outside) this.cut(a, b);
  }

  cut(a: string, b: string): void {
    this.deafen(a, b);
    this.deafen(b, a);
  }

  /** Nothing gets from one to the other; what is sent waits, and comes when the network is mended. */
  deafen(from: string, to: string): void {
    this.#parted.push([from, to]);
    this.network.block(from, to);
  }

  hear(from: string, to: string): void {
    this.network.unblock(from, to);
  }

  /** They have no connection, and get none until the network is mended. */
  forget(a: string, b: string): void {
    this.cut(a, b);
    this.lose(a, b);
    this.until(`${a} and ${b} have no connection`, 2_000, () => !this.network.areConnected(a, b));
  }

  join(): void {
    for (const [from, to] of this.#parted.splice(0)) this.network.unblock(from, to);
  }

  hold(rule: HoldRule): Hold {
    return this.network.hold(rule);
  }

  release(hold: Hold): void {
    this.network.release(hold);
  }

  /** Waits until such a message has been sent, and has arrived. */
  await(rule: HoldRule, boundMs = 1_000): void {
    const hold = this.hold(rule);
    this.until(`${rule.type} from ${rule.from} to ${rule.to}`, boundMs, () => hold.isOnItsWay);
    this.release(hold);
    this.pass(2);
  }

  /** What `from` sends by the connections that it has opened itself stands still. */
  stallDialled(from: string, to: string): void {
    this.network.stallDialled(from, to);
  }

  untilEpoch(epoch: number, boundMs = 2_000): void {
    this.until(`epoch ${epoch}`, boundMs, () => this.config.epoch === epoch);
  }

  lose(a: string, b: string): void {
    this.network.lose(a, b);
  }

  crash(...names: readonly string[]): void {
    for (const name of names) {
      if (name === 'catalog') this.cluster.crashCatalog();
      else this.cluster.crashContainer(this.process(name), false);
    }
  }

  /** Nobody is told: its machine has lost its power. */
  crashSilently(name: string): void {
    this.cluster.crashContainer(this.process(name), true);
  }

  /** A new life, with nothing; of the catalog, on its journal. */
  restart(...names: readonly string[]): void {
    for (const name of names) {
      if (name === 'catalog') this.cluster.startCatalog();
      else this.cluster.startContainer(this.process(name));
    }
  }

  /** Another process with the name and the address of one that runs already. */
  startSecond(name: string): VirtualProcess<Container> {
    const process = new VirtualProcess<Container>({ name, world: this.#world, random: newRandom(1), clockRate: 1 });
    this.cluster.startContainer(process);
    return process;
  }

  stop(...names: readonly string[]): void {
    for (const name of names) this.#any(name).stop();
  }

  continue(...names: readonly string[]): void {
    for (const name of names) this.#any(name).continue();
  }

  /** The whole machine sleeps: its monotonic clock stands still. */
  sleep(name: string): void {
    this.process(name).sleep();
  }

  /** SIGTERM. */
  drain(name: string): void {
    const process = this.process(name);
    process.post(() => process.machine?.drain(process.clockMs));
  }

  /** Every write that comes to it from now on it cannot hold, and says so. */
  refuse(name: string, isRefusing = true): void {
    if (isRefusing) this.cluster.refusals.set(name, 1);
    else this.cluster.refusals.delete(name);
  }

  // ── The end ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** All is mended: writes succeed again, every call has an answer, copies agree, and what was told is true. */
  end(): readonly Violation[] {
    try {
      this.#recover();
    } catch (error) {
      if (!(error instanceof ScriptFailure)) throw error;
      this.#verdict.violate('I-LIVE', error.message);
    }
    return this.#verdict.judge(this.#configs.filter(({ lost }) => !lost));
  }

  #recover(): void {
    for (const { process } of [this.x, this.y]) process.continue();
    this.#parted.length = 0;
    this.cluster.heal();
    this.#probe();
    this.until('every call has an answer', 70_000, () => this.x.openCount + this.y.openCount === 0);
    this.until('what has a time to live is gone', 15_000, () => this.#verdict.fleetingCount(this.#whole) === 0);
    this.until('copies in sync reach one lsn', 10_000, () => this.#verdict.lag(this.#whole).length === 0);
    const keys = new Set([...this.x.calls, ...this.y.calls].map(({ key }) => key));
    for (const key of keys) {
      const read = this.#checker.get(key);
      this.until(`a read of ${key} at the end`, 20_500, () => read.result !== undefined);
    }
  }

  #probe(): void {
    const endMs = this.nowMs + RECOVERY_MS;
    for (let index = 0; ; index++) {
      const key = `probe-${index}`;
      if (this.#whole.length < this.#configs.length) return;
      const isProbed = this.#checker.set(key, key, { timeoutMs: 5_000 });
      this.until('a probe has ended', 5_500, () => isProbed.result !== undefined);
      if (isProbed.result?.kind === 'applied') return;
      if (this.nowMs >= endMs) throw new ScriptFailure(`no writes after all was mended: ${this.describe()}`);
    }
  }

  get #whole(): readonly PartitionConfig[] {
    return this.#configs.filter(({ lost }) => !lost);
  }

  describe(): string {
    return this.#configs
      .map(({ partition, epoch, version, primary, sync, elr, joining, lost }) => {
        const names = (hosts: readonly { container: string }[]): string =>
          hosts.map(({ container }) => container).join(' ');
        const eligible = elr.map(({ rid, keepLsn }) => `${rid.container}@${keepLsn}`).join(' ');
        return `partition ${partition} (${epoch}, ${version}): primary ${primary.container}, sync ${names(sync)}, elr ${eligible}, joining ${names(joining)}${lost ? ', lost' : ''}`;
      })
      .join('; ');
  }

  #names(): string[] {
    return ['catalog', ...this.cluster.containers.map(({ name }) => name), 'x', 'y', 'checker'];
  }

  #any(name: string): { stop(): void; continue(): void } {
    if (name === 'catalog') return this.cluster.catalog;
    if (name === 'x') return this.x.process;
    if (name === 'y') return this.y.process;
    return this.process(name);
  }
}

function scenarioOf(options: StageOptions): Scenario {
  const { containers, minSync = 1, maxSync = minSync, maxAsync = 0, partitions = 1 } = options;
  const timeToLive = { type: 'LAST_UPDATE_TIME', afterMs: options.ttlMs ?? 2_000 } as const;
  const mapSet: MapSetPolicy = {
    name: 'set',
    numberOfPartitions: partitions,
    minSyncReplicas: minSync,
    maxSyncReplicas: maxSync,
    maxAsyncReplicas: maxAsync,
    numInitialContainers: containers,
    autoReplaceLostShards: true,
    developmentMode: true,
    replicaReadEnabled: true,
    onInSyncLoss: options.onInSyncLoss ?? 'unavailable',
    failureDetection: options.detection ?? FAILURE_DETECTION_LEVELS.aggressive,
    partitionBy: [],
    maps: [
      ...[REGISTERS, COUNTERS, SCRATCH].map((name) => ({ name, lockStrategy: 'OPTIMISTIC' }) as const),
      { name: FLEETING, lockStrategy: 'OPTIMISTIC', timeToLive },
    ],
  };
  return {
    seed: 0,
    policy: { grids: [{ name: GRID, mapSets: [mapSet] }] },
    mapSet,
    containerCount: containers,
    ...{ clientCount: 2, workersPerClient: 0, thinkMs: 0, keyCount: 0, counterCount: 0, chaosMs: 0, downMsMax: 0 },
    logRetentionBytes: options.logRetentionBytes ?? LIMITS.logRetentionBytes,
    digestEveryLsns: LIMITS.digestEveryLsns,
    replicationWindowBytes: LIMITS.replicationWindowBytes,
    followerQueueBytes: LIMITS.followerQueueBytes,
    abortsWithinMs: undefined,
    latency: { medianMs: 0.5, spread: 0 },
    faults: new Map(),
    isGentle: false,
    ownTtlsMs: undefined,
    clockError: 0,
    isCrowded: false,
    restMs: 0,
  };
}
