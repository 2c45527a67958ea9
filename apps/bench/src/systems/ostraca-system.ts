/** Ostraca as an operator starts it: a catalog and containers as processes, by the command line. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CatalogStatus } from '@ostraca/core';
import { type Child, type Children, untilLine } from '../children.ts';
import { LOCKED_MAP_NAME, MAP_NAME } from '../driver/task.ts';
import { type ProfileOptions, profilingOf } from '../profiling/profiling.ts';
import type { Contender, System } from './system.ts';

const GRID = 'bench';
const SETTLED_MS = 600_000;

export interface OstracaOptions {
  readonly containers: number;
  readonly replicas: number;
  readonly partitions: number;
  /** The `ostraca` program; undefined: that of this workspace. */
  readonly program: string | undefined;
  readonly profile: ProfileOptions;
  /** Default: the one map of the rows. */
  readonly maps?: readonly string[];
  /** There is a second map, with lockStrategy PESSIMISTIC, for transactions. Default false. */
  readonly hasLockedMap?: boolean;
  /** Sync replicas that may come later. Default: `replicas`. */
  readonly replicasMax?: number;
  /** All primaries are in the first container: the others come when it has them. Default false. */
  readonly isOneSided?: boolean;
  /** Of Node.js, for the containers. */
  readonly nodeArgs?: readonly string[];
}

/** What it takes to be measured, and to grow. */
export class OstracaSystem implements System {
  readonly isPeer = false;
  readonly servers: Record<string, number> = {};
  readonly profiled: Record<string, number> = {};
  /** By name. */
  readonly containers = new Map<string, Child>();
  readonly #children: Children;
  readonly #options: OstracaOptions;
  readonly #catalog: Child;
  readonly #catalogUrl: string;

  private constructor(children: Children, options: OstracaOptions, { catalog, url }: { catalog: Child; url: string }) {
    this.#children = children;
    this.#options = options;
    this.#catalog = catalog;
    this.#catalogUrl = url;
  }

  /** Resolves when every partition takes writes. */
  static async start(children: Children, options: OstracaOptions): Promise<OstracaSystem> {
    const folder = mkdtempSync(join(tmpdir(), 'ostraca-bench-'));
    try {
      const policyFile = join(folder, 'policy.json');
      writeFileSync(policyFile, JSON.stringify(policyOf(options)));
      const program = options.program ?? findProgram();
      const args = [program, 'catalog', '--policy', policyFile, '--listen', '127.0.0.1:0'];
      const catalog = children.start('catalog', { args });
      const [, url = ''] = await untilLine(catalog, /^ostraca catalog ready (\S+)$/);
      const system = new OstracaSystem(children, options, { catalog, url });
      await system.addContainer();
      if (options.isOneSided === true) await system.untilCopies(1);
      for (let index = 2; index <= options.containers; index++) await system.addContainer();
      await system.untilCopies(options.replicas + 1);
      return system;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  get replicas(): number {
    return this.#options.replicas;
  }

  get isOneSided(): boolean {
    return this.#options.isOneSided ?? false;
  }

  get name(): string {
    const { containers, replicas } = this.#options;
    const more = [];
    if (containers > replicas + 1) more.push(`${containers} containers`);
    if (replicas > 0) more.push(`${replicas} replica${replicas === 1 ? '' : 's'}`);
    return ['ostraca', ...more].join(', ');
  }

  endpoints(): readonly Contender[] {
    const endpoint = { kind: 'ostraca', url: this.#catalogUrl, grid: GRID, map: MAP_NAME } as const;
    const plain = { name: 'ostraca', family: 'ostraca', wait: 'none', endpoint, system: this } as const;
    if (this.#options.hasLockedMap !== true) return [plain];
    const ofLocked = { ...endpoint, map: LOCKED_MAP_NAME };
    return [plain, { ...plain, name: 'ostraca, PESSIMISTIC', endpoint: ofLocked, only: 'transaction' }];
  }

  /** Resolves when it listens and is registered. */
  async addContainer(): Promise<Child> {
    const { replicas, profile, program, nodeArgs = [] } = this.#options;
    const name = `c${this.containers.size + 1}`;
    const prefix = `ostraca-${replicas}-${name}`;
    const profiling = profilingOf(profile, prefix);
    const args = [...nodeArgs, ...profiling.nodeArgs, program ?? findProgram(), 'container'];
    args.push('--catalog', this.#catalogUrl, '--name', name);
    const container = this.#children.start(`container ${name}`, { args, env: profiling.env });
    this.containers.set(name, container);
    await untilLine(container, /^ostraca container \S+ ready (\S+)$/);
    this.servers[name] = container.pid;
    if (profile.folder !== undefined) this.profiled[prefix] = container.pid;
    return container;
  }

  /** Until every partition has so many in-sync copies. */
  async untilCopies(copies: number): Promise<void> {
    const url = `${this.#catalogUrl.replace(/^ws/, 'http')}/api/status`;
    const startMs = performance.now();
    for (;;) {
      const { partitions } = (await (await fetch(url)).json()) as CatalogStatus;
      if (partitions.length > 0 && partitions.every(({ config }) => config?.sync.length === copies)) return;
      if (performance.now() - startMs > SETTLED_MS) {
        throw new Error(`not every partition has ${copies} copies after ${SETTLED_MS} ms`);
      }
      for (const container of this.containers.values()) {
        if (container.process.exitCode !== null) throw new Error(`${container.name} ended:\n${container.log()}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async end(): Promise<void> {
    for (const child of [...this.containers.values(), this.#catalog]) await this.#children.end(child);
  }
}

function policyOf(options: OstracaOptions): object {
  const {
    containers,
    replicas,
    replicasMax,
    partitions,
    isOneSided = false,
    maps = [MAP_NAME],
    hasLockedMap,
  } = options;
  const locked = hasLockedMap === true ? [{ name: LOCKED_MAP_NAME, lockStrategy: 'PESSIMISTIC' }] : [];
  const mapSet = {
    name: 'main',
    numberOfPartitions: partitions,
    // A write waits for every copy that is in sync, also for those beyond the least number.
    minSyncReplicas: isOneSided ? 0 : replicas,
    maxSyncReplicas: replicasMax ?? replicas,
    numInitialContainers: isOneSided ? 1 : containers,
    developmentMode: true,
    maps: [...maps.map((name) => ({ name })), ...locked],
  };
  return { grids: [{ name: GRID, mapSets: [mapSet] }] };
}

/** The program of this workspace, seen from wherever this one is built. */
function findProgram(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const program = join(folder, 'apps', 'ostraca', 'bin', 'ostraca.js');
    if (existsSync(program)) return program;
  }
  throw new Error('apps/ostraca/bin/ostraca.js is not there: say where the program is with --program');
}
