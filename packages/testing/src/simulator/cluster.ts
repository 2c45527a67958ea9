/** The processes of one run: a catalog with its disk, and containers that die and come back. */
import {
  type Catalog,
  type CatalogEvent,
  type Container,
  type Incarnation,
  type Mutation,
  must,
  newCatalog,
  newContainer,
  type Random,
} from '@ostraca/core';
import type { Scenario } from './scenario.ts';
import { VirtualJournal } from './virtual-journal.ts';
import { VirtualProcess, type World } from './virtual-process.ts';

export const CATALOG_URL = 'ws://catalog:7400';
export const containerUrl = (name: string): string => `ws://${name}:7401`;

export interface ClusterOptions {
  readonly scenario: Scenario;
  readonly world: World;
  readonly random: Random;
  readonly mutations: ReadonlySet<Mutation>;
}

export class Cluster {
  readonly catalog: VirtualProcess<Catalog>;
  readonly journal: VirtualJournal;
  readonly containers: readonly VirtualProcess<Container>[];
  /** Lives that will never come back. */
  readonly dead = new Set<Incarnation>();
  /** By container: which share of the records it cannot hold just now, and says so by a vote against. */
  readonly refusals = new Map<string, number>();
  /** One of so many requests makes a record that no replica can hold; 0: none. */
  poisonEvery = 0;
  /** Somebody saw the process of a container exit. */
  onExit: ((process: VirtualProcess<Container>) => void) | undefined;
  readonly #options: ClusterOptions;
  /** Of the lives of each process. */
  readonly #lives = new Map<string, Random>();
  #hasLostJournal = false;

  constructor(options: ClusterOptions) {
    const { scenario, world, random } = options;
    this.#options = options;
    const journal = new VirtualJournal({ scheduler: world.scheduler, random: random.fork() });
    this.journal = journal;
    this.catalog = new VirtualProcess<Catalog>({
      ...{ name: 'catalog', world },
      ...this.#natureOf('catalog', random.fork()),
      url: CATALOG_URL,
      hold: (leave) => journal.whenDurable(leave),
    });
    this.containers = Array.from({ length: scenario.containerCount }, (_, index) => {
      const name = `c${index + 1}`;
      return new VirtualProcess<Container>({
        ...{ name, world },
        ...this.#natureOf(name, random.fork()),
        url: containerUrl(name),
      });
    });
  }

  /** Each process has streams of its own: one process less shifts no draw of the others. */
  #natureOf(name: string, random: Random): { random: Random; clockRate: number } {
    this.#lives.set(name, random.fork());
    const { clockError } = this.#options.scenario;
    return { random: random.fork(), clockRate: 1 + clockError * (2 * random.unit() - 1) };
  }

  #newLife(name: string): Random {
    return must(this.#lives.get(name), name).fork();
  }

  startCatalog(): void {
    if (this.catalog.isAlive) return;
    const { scenario } = this.#options;
    const random = this.#newLife('catalog');
    const events = this.journal.read() as CatalogEvent[];
    this.catalog.start({ role: 'catalog', name: 'catalog', incarnation: random.hex(32) }, (effects) => {
      const journal = (event: CatalogEvent): void => this.journal.append(event);
      const nowMs = this.catalog.clockMs;
      const { mutations } = this.#options;
      return newCatalog({
        policy: scenario.policy,
        random,
        effects: { ...effects, journal },
        events,
        nowMs,
        mutations,
      });
    });
  }

  crashCatalog(): void {
    this.catalog.crash();
    this.journal.crash();
  }

  loseCatalog(): void {
    this.catalog.crash();
    this.journal.destroy();
    this.#hasLostJournal = true;
  }

  /** The journal is lost, and the catalog has not heard yet that there was one. */
  get knowsNothing(): boolean {
    if (!this.#hasLostJournal) return false;
    const generation = this.catalog.machine?.state().generation ?? '';
    return generation === '' || Number.parseInt(generation, 10) <= 1;
  }

  startContainer(process: VirtualProcess<Container>): void {
    if (process.isAlive) return;
    if (this.knowsNothing) {
      // Those who know of the earlier catalog come first (docs/internals/catalog.md, a lost journal).
      this.#options.world.scheduler.after(100, () => this.startContainer(process));
      return;
    }
    const { name } = process;
    const random = this.#newLife(name);
    const incarnation = random.hex(32);
    process.start({ role: 'container', name, incarnation }, (effects) =>
      newContainer({
        name,
        incarnation,
        address: containerUrl(name),
        host: `host-${name}`,
        zone: '',
        catalogs: [CATALOG_URL],
        random,
        effects,
        clocks: process.clocks,
        onAct: this.#options.world.onAct,
        refuses: ({ clientId, seq }) => {
          const isPoison =
            this.poisonEvery > 0 && (seq + Number.parseInt(clientId.slice(0, 2), 16)) % this.poisonEvery === 0;
          const share = this.refusals.get(name);
          return isPoison || (share !== undefined && random.unit() < share) ? 'overloaded' : undefined;
        },
        digestEveryLsns: this.#options.scenario.digestEveryLsns,
        replicationWindowBytes: this.#options.scenario.replicationWindowBytes,
        followerQueueBytes: this.#options.scenario.followerQueueBytes,
        logRetentionBytes: this.#options.scenario.logRetentionBytes,
        mutations: this.#options.mutations,
      }),
    );
  }

  crashContainer(process: VirtualProcess<Container>, silently: boolean): void {
    if (!process.isAlive) return;
    this.dead.add(process.peer.incarnation);
    process.crash(silently);
    if (!silently) this.onExit?.(process);
  }

  /** Everybody runs, and the network is whole. */
  heal(): void {
    for (const process of [this.catalog, ...this.containers]) process.continue();
    this.#options.world.network.heal();
    this.startCatalog();
    for (const process of this.containers) {
      // Who was asked to leave does so, now.
      if (process.machine?.status().draining === true) this.crashContainer(process, false);
      this.startContainer(process);
    }
    this.journal.fsyncMs = 2;
    this.refusals.clear();
    this.poisonEvery = 0;
  }

  container(name: string): VirtualProcess<Container> {
    return must(
      this.containers.find((process) => process.name === name),
      name,
    );
  }
}
