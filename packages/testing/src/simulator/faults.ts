/** What goes wrong, and when: each kind of the scenario comes on its own, at random times around its mean. */
import { type Container, type Machine, must, type Random } from '@ostraca/core';
import type { Cluster } from './cluster.ts';
import { type FaultKind, pick, type Scenario } from './scenario.ts';
import type { VirtualProcess, World } from './virtual-process.ts';
import type { Workload } from './workload.ts';

export interface FaultsOptions {
  readonly scenario: Scenario;
  readonly world: World;
  readonly cluster: Cluster;
  readonly workload: Workload;
  readonly random: Random;
}

/** What keeps a container from the catalog. */
const HIDES_CONTAINERS: ReadonlySet<FaultKind> = new Set([
  ...(['crash', 'silentCrash', 'crashMany', 'stop', 'drain', 'partition', 'isolate', 'depose'] as const),
  ...(['oneWay', 'grantsOnly', 'lateNews', 'suspend', 'catalogLoss'] as const),
]);

export class Faults {
  readonly counts = new Map<FaultKind, number>();
  readonly #options: FaultsOptions;
  readonly #random: Random;
  #isOver = false;

  constructor(options: FaultsOptions) {
    this.#options = options;
    this.#random = options.random;
  }

  start(): void {
    for (const [kind, meanMs] of this.#options.scenario.faults) this.#plan(kind, meanMs);
  }

  /** Nothing goes wrong any more, and everything that had is mended. */
  end(): void {
    this.#isOver = true;
    const { world, cluster, scenario, workload } = this.#options;
    world.network.latency = scenario.latency;
    cluster.heal();
    workload.restartClients();
  }

  #plan(kind: FaultKind, meanMs: number): void {
    const delayMs = -meanMs * Math.log(Math.max(this.#random.unit(), 1e-9));
    this.#after(delayMs, () => {
      if (this.#inject(kind)) {
        this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
        const { trace, scheduler } = this.#options.world;
        trace.add({ timeMs: scheduler.nowMs, process: 'faults', what: kind, detail: undefined });
      }
      this.#plan(kind, meanMs);
    });
  }

  #after(delayMs: number, then: () => void): void {
    this.#options.world.scheduler.after(delayMs, () => {
      if (!this.#isOver) then();
    });
  }

  #inject(kind: FaultKind): boolean {
    // A catalog that nobody has told of an earlier one takes the grid for a new one, and rightly so.
    if (this.#options.cluster.knowsNothing && HIDES_CONTAINERS.has(kind)) return false;
    const { workload } = this.#options;
    switch (kind) {
      case 'crash':
        return this.#crash(this.#anyContainer(), false);
      case 'silentCrash':
        return this.#crash(this.#anyContainer(), true);
      case 'crashMany':
        return this.#crashMany();
      case 'stop':
        return this.#stop(this.#anyContainer(), this.#lasting(12_000));
      case 'wallJump':
        this.#anyContainer().jumpWall(pick(this.#random, [-3_600_000, 3_600_000]));
        return true;
      case 'flap':
        return this.#flap();
      case 'slowReader':
        return this.#slowReader();
      case 'estrange':
        return this.#estrange();
      case 'exile':
        return this.#exile();
      case 'grantsOnly':
        return this.#grantsOnly();
      case 'lateNews':
        return this.#lateNews();
      case 'suspend':
        return this.#suspend();
      case 'drain':
        return this.#drain(this.#anyContainer());
      case 'catalogCrash':
        return this.#crashCatalog();
      case 'catalogStop':
        return this.#stop(this.#options.cluster.catalog, this.#lasting(5_000));
      case 'catalogLoss':
        return this.#loseCatalog();
      case 'cut':
      case 'halfOpen':
        return this.#cut(kind === 'halfOpen');
      case 'stall':
        return this.#stall();
      case 'partition':
        return this.#partition();
      case 'isolate':
        return this.#isolate();
      case 'depose':
        return this.#depose();
      case 'oneWay':
        return this.#oneWay();
      case 'slowNetwork':
        return this.#slowNetwork();
      case 'slowDisk':
        return this.#slowDisk();
      case 'refuse':
        return this.#refuse();
      case 'poison':
        return this.#poison();
      case 'clientStop':
        return this.#stop(pick(this.#random, workload.callers), this.#lasting(20_000));
      case 'clientCrash':
        return workload.crashClient(this.#random);
    }
  }

  /** Mostly short, sometimes nearly `maxMs`. */
  #lasting(maxMs: number): number {
    return 50 + maxMs * this.#random.unit() ** 3;
  }

  #anyContainer(): VirtualProcess<Container> {
    return pick(this.#random, this.#options.cluster.containers);
  }

  #crash(process: VirtualProcess<Container>, silently: boolean): boolean {
    if (!process.isAlive || (this.#options.scenario.isGentle && !this.#canSpare(process))) return false;
    const { cluster, scenario } = this.#options;
    cluster.crashContainer(process, silently);
    this.#after(this.#lasting(scenario.downMsMax), () => cluster.startContainer(process));
    return true;
  }

  #crashMany(): boolean {
    if (this.#options.scenario.isGentle) return false;
    let crashed = false;
    for (const process of this.#options.cluster.containers) {
      if (this.#random.below(3) === 0) crashed = this.#crash(process, false) || crashed;
    }
    return crashed;
  }

  /** Whether every partition has another full copy, by the catalog's word, and nobody else is gone or about to go. */
  #canSpare(process: VirtualProcess<Container>): boolean {
    const { cluster } = this.#options;
    const state = cluster.catalog.machine?.state();
    if (state === undefined || cluster.containers.some((one) => one.machine?.status().draining !== false)) return false;
    // A catalog that rebuilds knows of copies that it does not count yet.
    if (state.partitions.length < this.#options.scenario.mapSet.numberOfPartitions) return false;
    return state.partitions.every((config) => {
      if (config === undefined || config.lost) return false;
      // Nor what its primary has asked for: the copy that it counts on may be about to be evicted.
      const asks = cluster.containers.some(
        ({ machine }) => machine?.inspectShard(config.partition)?.primary?.pending?.kind === 'evict',
      );
      if (asks) return false;
      const { minSyncReplicas } = this.#options.scenario.mapSet;
      // The catalog may not have heard yet that a member died: its new life counts for nothing.
      const others = config.sync.filter(
        ({ incarnation }) => incarnation !== process.peer.incarnation && !cluster.dead.has(incarnation),
      );
      return others.length >= Math.max(1, minSyncReplicas) && config.elr.length === 0;
    });
  }

  #stop<M extends Machine>(process: VirtualProcess<M>, lastingMs: number): boolean {
    if (!process.isAlive || process.isStopped) return false;
    // The process alone, or the machine under it.
    if (this.#options.scenario.isCrowded && this.#random.below(2) === 0) process.sleep();
    else process.stop();
    this.#after(lastingMs, () => process.continue());
    return true;
  }

  /** A machine sleeps: mostly one with a primary, for some part of a lease or a few of them. */
  #suspend(): boolean {
    const process = this.#primaryOrAny();
    if (!process.isAlive || process.isStopped) return false;
    const { suspectAfterMs } = this.#options.scenario.mapSet.failureDetection;
    process.sleep();
    this.#after(suspectAfterMs * 4 * this.#random.unit() ** 2, () => process.continue());
    return true;
  }

  /** A primary, some of its clients and perhaps another container are cut off from all others for a few leases. */
  #exile(): boolean {
    const { workload, scenario } = this.#options;
    const { name } = this.#primaryOrAny();
    const companions = this.#random.below(2) === 0 ? [this.#anyContainer().name] : [];
    const inside = new Set([name, ...companions, ...workload.clientNames.filter(() => this.#random.below(2) === 0)]);
    const outside = this.#names().filter((other) => !inside.has(other));
    const { suspectAfterMs } = scenario.mapSet.failureDetection;
    return this.#block(
      [...inside].flatMap((a) =>
        outside.flatMap((b): [string, string][] => [
          [a, b],
          [b, a],
        ]),
      ),
      suspectAfterMs * (2 + 3 * this.#random.unit()),
    );
  }

  /**
   * A primary and the catalog do not hear each other, and what others dial to it stands still: nobody reports that it
   * is reached, while its own connections work and its replicas go on promising.
   */
  #grantsOnly(): boolean {
    const { world, cluster, scenario } = this.#options;
    const { name } = this.#primaryOrAny();
    const stalled = world.network
      .connections()
      .filter((end) => end.toName === name && cluster.containers.some((process) => process === end.station));
    for (const end of stalled) world.network.stall(end);
    const lastingMs = scenario.mapSet.failureDetection.suspectAfterMs * (1.1 + this.#random.unit());
    this.#after(lastingMs, () => {
      for (const end of stalled) world.network.unstall(end);
    });
    const catalog = cluster.catalog.name;
    return this.#block(
      [
        [name, catalog],
        [catalog, name],
      ],
      lastingMs,
    );
  }

  /**
   * A primary's machine is away for as long as it takes to promote another, while the catalog's disk is slow; what the
   * catalog sends it after the first answers arrives late.
   */
  #lateNews(): boolean {
    const { world, cluster, scenario } = this.#options;
    const process = this.#primaryOrAny();
    if (!process.isAlive || process.isStopped) return false;
    const { suspectAfterMs } = scenario.mapSet.failureDetection;
    cluster.journal.fsyncMs = suspectAfterMs / 2;
    process.stop();
    this.#after(suspectAfterMs * (0.95 + 0.2 * this.#random.unit()), () => {
      process.continue();
      this.#after(suspectAfterMs * 0.3 * this.#random.unit(), () => {
        world.network.block(cluster.catalog.name, process.name);
        this.#after(suspectAfterMs * 2, () => {
          world.network.unblock(cluster.catalog.name, process.name);
          cluster.journal.fsyncMs = 2;
        });
      });
    });
    return true;
  }

  #primaryOrAny(): VirtualProcess<Container> {
    const { cluster } = this.#options;
    const configs = (cluster.catalog.machine?.state().partitions ?? []).filter((config) => config !== undefined);
    if (configs.length === 0 || this.#random.below(4) === 0) return this.#anyContainer();
    return cluster.container(pick(this.#random, configs).primary.container);
  }

  /** SIGTERM: it hands over, leaves, and is started again. It may be the last copy that leaves, unless gently. */
  #drain(process: VirtualProcess<Container>): boolean {
    const { scenario, cluster } = this.#options;
    if (!process.isAlive || process.isStopped || (scenario.isGentle && !this.#canSpare(process))) return false;
    const { incarnation } = process.peer;
    process.post(() => process.machine?.drain(process.clockMs));
    const look = (): void => {
      if (!process.isAlive || process.peer.incarnation !== incarnation) return;
      if (process.machine?.status().left !== true) {
        this.#after(100, look);
        return;
      }
      cluster.crashContainer(process, false);
      cluster.startContainer(process);
    };
    this.#after(100, look);
    return true;
  }

  #crashCatalog(): boolean {
    const { cluster } = this.#options;
    if (!cluster.catalog.isAlive) return false;
    cluster.crashCatalog();
    this.#after(this.#lasting(5_000), () => cluster.startCatalog());
    return true;
  }

  /** The catalog starts again without its journal; somebody is there who can tell it so. */
  #loseCatalog(): boolean {
    const { cluster, world } = this.#options;
    const isWitness = ({ machine, isStopped }: VirtualProcess<Container>): boolean =>
      !isStopped && machine !== undefined && machine.status().generation !== '' && !machine.status().draining;
    // The next catalog takes the grid for a new one if it meets nobody first who knows better.
    const alive = cluster.containers.filter((process) => process.isAlive);
    if (!cluster.catalog.isAlive || cluster.knowsNothing || alive.length === 0 || !alive.every(isWitness)) return false;
    world.network.heal();
    cluster.loseCatalog();
    this.#after(this.#lasting(5_000), () => cluster.startCatalog());
    return true;
  }

  #cut(halfOpen: boolean): boolean {
    const { network } = this.#options.world;
    const connections = network.connections();
    if (connections.length === 0) return false;
    network.cut(pick(this.#random, connections), { halfOpen });
    return true;
  }

  #stall(): boolean {
    const { network } = this.#options.world;
    const connections = network.connections();
    if (connections.length === 0) return false;
    const end = pick(this.#random, connections);
    network.stall(end);
    this.#after(this.#lasting(8_000), () => network.unstall(end));
    return true;
  }

  #names(): string[] {
    const { cluster, workload } = this.#options;
    return ['catalog', ...cluster.containers.map(({ name }) => name), ...workload.clientNames];
  }

  #partition(): boolean {
    const sides = this.#names().map((name) => ({ name, side: this.#random.below(2) }));
    const pairs: [string, string][] = [];
    for (const a of sides) for (const b of sides) if (a.side !== b.side) pairs.push([a.name, b.name]);
    return this.#block(pairs);
  }

  #isolate(): boolean {
    const { cluster } = this.#options;
    const { name } = pick<{ name: string }>(this.#random, [cluster.catalog, ...cluster.containers]);
    const others = this.#names().filter((other) => other !== name);
    return this.#block(
      others.flatMap((other): [string, string][] => [
        [name, other],
        [other, name],
      ]),
    );
  }

  /**
   * Cuts a primary off, with some of its clients, for about as long as it takes to promote another: what it goes on
   * sending arrives when the newer epoch has hardly begun.
   */
  #depose(): boolean {
    const { cluster, workload, scenario } = this.#options;
    const configs = (cluster.catalog.machine?.state().partitions ?? []).filter((config) => config !== undefined);
    if (configs.length === 0) return false;
    const { container } = pick(this.#random, configs).primary;
    const inside = [container, ...workload.clientNames.filter(() => this.#random.below(2) === 0)];
    const outside = this.#names().filter((name) => !inside.includes(name));
    const { suspectAfterMs } = scenario.mapSet.failureDetection;
    const lastingMs = suspectAfterMs * (0.9 + this.#random.unit() ** 2);
    return this.#block(
      inside.flatMap((a) =>
        outside.flatMap((b): [string, string][] => [
          [a, b],
          [b, a],
        ]),
      ),
      lastingMs,
    );
  }

  #oneWay(): boolean {
    const names = this.#names();
    const from = must(names[this.#random.below(names.length)], 'name');
    const to = names.filter((name) => name !== from && this.#random.below(2) === 0);
    return this.#block(to.map((name): [string, string] => (this.#random.below(2) === 0 ? [from, name] : [name, from])));
  }

  #block(pairs: readonly [string, string][], lastingMs: number = this.#lasting(20_000)): boolean {
    if (pairs.length === 0) return false;
    const { network } = this.#options.world;
    for (const [from, to] of pairs) network.block(from, to);
    this.#after(lastingMs, () => {
      for (const [from, to] of pairs) network.unblock(from, to);
    });
    return true;
  }

  #slowNetwork(): boolean {
    const { world, scenario } = this.#options;
    world.network.latency = { medianMs: pick(this.#random, [20, 60, 150]), spread: 1 };
    this.#after(this.#lasting(5_000), () => {
      world.network.latency = scenario.latency;
    });
    return true;
  }

  #refuse(): boolean {
    const { refusals } = this.#options.cluster;
    const { name } = this.#anyContainer();
    refusals.set(name, pick(this.#random, [0.05, 0.5, 1]));
    this.#after(this.#lasting(2_000), () => refusals.delete(name));
    return true;
  }

  #poison(): boolean {
    const { cluster } = this.#options;
    cluster.poisonEvery = pick(this.#random, [2, 10, 50]);
    this.#after(this.#lasting(3_000), () => {
      cluster.poisonEvery = 0;
    });
    return true;
  }

  /** A replica outside of the in-sync set, if there is one, takes nothing in for a while: what its primary sends stands still. */
  #slowReader(): boolean {
    const { world, cluster, scenario } = this.#options;
    const configs = (cluster.catalog.machine?.state().partitions ?? []).filter((config) => config !== undefined);
    const readers = configs.flatMap(({ primary, joining, async }) =>
      [...joining, ...async].map(({ container }) => ({ from: primary.container, to: container })),
    );
    if (readers.length === 0) return false;
    const { from, to } = pick(this.#random, readers);
    const ends = world.network
      .connections()
      .filter((end) => end.toName === to && end.station === cluster.container(from));
    for (const end of ends) world.network.stall(end);
    this.#after(scenario.mapSet.failureDetection.suspectAfterMs * (0.2 + 2 * this.#random.unit()), () => {
      for (const end of ends) world.network.unstall(end);
    });
    return ends.length > 0;
  }

  /**
   * A primary and the other containers do not hear each other; the catalog hears all, and clients do. Sometimes the
   * primary does not hear the catalog for a while.
   */
  #estrange(): boolean {
    const { cluster, scenario } = this.#options;
    const { name } = this.#primaryOrAny();
    const others = cluster.containers.filter((process) => process.name !== name);
    const { suspectAfterMs } = scenario.mapSet.failureDetection;
    if (this.#random.below(2) === 0) {
      this.#after(suspectAfterMs * 8 * this.#random.unit(), () => {
        this.#block([[cluster.catalog.name, name]], 2 * suspectAfterMs);
      });
    }
    return this.#block(
      others.flatMap((other): [string, string][] => [
        [name, other.name],
        [other.name, name],
      ]),
      suspectAfterMs * (2 + 8 * this.#random.unit()),
    );
  }

  /** A container is heard by no other for most of a lease, again and again: it loses its place, and wants it back. */
  #flap(): boolean {
    const { name } = this.#anyContainer();
    const others = this.#options.cluster.containers.filter((process) => process.name !== name);
    const { suspectAfterMs } = this.#options.scenario.mapSet.failureDetection;
    for (let times = 0; times < 4; times++) {
      this.#after(times * 2 * suspectAfterMs, () => {
        this.#block(
          others.map((other): [string, string] => [name, other.name]),
          suspectAfterMs * 0.8,
        );
      });
    }
    return others.length > 0;
  }

  #slowDisk(): boolean {
    const { journal } = this.#options.cluster;
    journal.fsyncMs = pick(this.#random, [50, 300, 1_000]);
    this.#after(this.#lasting(5_000), () => {
      journal.fsyncMs = 2;
    });
    return true;
  }
}
