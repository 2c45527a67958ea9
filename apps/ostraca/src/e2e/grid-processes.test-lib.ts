/** Real processes for the end-to-end tests: a catalog and containers by the command line, as an operator starts them. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CatalogStatus, ContainerStatus, PartitionConfig, ShardStatus } from '@ostraca/core';

const PROGRAM = fileURLToPath(new URL('../../bin/ostraca.js', import.meta.url));
const READY_MS = 30_000;

export interface GridProcess {
  readonly name: string;
  readonly child: ChildProcess;
  readonly url: string;
  readonly pid: number;
  /** Everything on stderr so far. */
  log(): string;
}

export interface MapSetSettings {
  readonly numberOfPartitions?: number;
  readonly minSyncReplicas?: number;
  readonly maxSyncReplicas?: number;
  readonly numInitialContainers?: number;
  readonly failureDetection?: string;
  readonly developmentMode?: boolean;
  readonly partitionBy?: readonly number[];
  readonly maps?: readonly { readonly name: string; readonly lockStrategy?: string }[];
}

/** Policy of grid `shop` with one map set, by default of the maps `orders`, `counters` and `probes`. */
export function policyOf(settings: MapSetSettings): string {
  const mapSet = {
    name: 'main',
    numberOfPartitions: 13,
    minSyncReplicas: 1,
    maxSyncReplicas: 1,
    developmentMode: true,
    failureDetection: 'aggressive',
    maps: [{ name: 'orders' }, { name: 'counters' }, { name: 'probes' }],
    ...settings,
  };
  return JSON.stringify({ grids: [{ name: 'shop', mapSets: [mapSet] }] });
}

export class GridProcesses {
  readonly folder = mkdtempSync(join(tmpdir(), 'ostraca-e2e-'));
  readonly containers = new Map<string, GridProcess>();
  catalog: GridProcess | undefined;
  readonly #policyFile = join(this.folder, 'policy.json');
  readonly #all = new Set<ChildProcess>();
  #catalogPort = 0;

  constructor(settings: MapSetSettings) {
    writeFileSync(this.#policyFile, policyOf(settings));
  }

  get catalogUrl(): string {
    return this.#catalog().url;
  }

  /** Again on the same port and journal after it was killed. */
  async startCatalog(): Promise<GridProcess> {
    const listen = `127.0.0.1:${this.#catalogPort}`;
    const args = ['catalog', '--policy', this.#policyFile, '--listen', listen, '--data', join(this.folder, 'catalog')];
    this.catalog = await this.#start('catalog', args, /^ostraca catalog ready (\S+)$/);
    this.#catalogPort = Number(new URL(this.catalog.url).port);
    return this.catalog;
  }

  async startContainer(name: string): Promise<GridProcess> {
    const args = ['container', '--catalog', this.catalogUrl, '--name', name];
    const container = await this.#start(name, args, /^ostraca container \S+ ready (\S+)$/);
    this.containers.set(name, container);
    return container;
  }

  /** Of a process that this object started, by its id. */
  async kill(process: GridProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const ended = new Promise((resolve) => process.child.once('exit', resolve));
    process.child.kill(signal);
    await ended;
  }

  async status(): Promise<CatalogStatus> {
    const response = await fetch(`${this.catalogUrl.replace('ws:', 'http:')}/api/status`);
    return (await response.json()) as CatalogStatus;
  }

  async configs(): Promise<PartitionConfig[]> {
    const { partitions } = await this.status();
    return partitions.flatMap(({ config }) => (config === null ? [] : [config]));
  }

  /** Until every partition has so many in-sync copies in live processes, and none is on the move. */
  async settled(copies: number, deadlineMs = 30_000): Promise<void> {
    await until(`every partition has ${copies} copies`, deadlineMs, async () => {
      const { partitions, containers } = await this.status();
      const alive = new Set(containers.filter((one) => one.alive).map(({ incarnation }) => incarnation));
      return partitions.every(
        ({ config }) =>
          config !== null &&
          config.sync.length === copies &&
          config.joining.length === 0 &&
          config.leaving.length === 0 &&
          config.sync.every(({ incarnation }) => alive.has(incarnation)),
      );
    });
  }

  /** What a container says of its shards. */
  async shardsOf(container: GridProcess): Promise<readonly ShardStatus[]> {
    const response = await fetch(`${container.url.replace('ws:', 'http:')}/api/status`);
    return ((await response.json()) as ContainerStatus).shards;
  }

  /** Until every replica has heard the outcome of everything: one that takes over then inherits nothing undecided. */
  async allDecided(): Promise<void> {
    await until('every copy knows every outcome', 10_000, async () => {
      const shards = await Promise.all([...this.containers.values()].map((one) => this.shardsOf(one)));
      return shards.flat().every(({ lastLsn, decidedLsn }) => lastLsn === decidedLsn);
    });
  }

  /** Runs the command line against this grid. */
  async ostraca(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    return await runOstraca([...args], { OSTRACA_CATALOG: this.catalogUrl });
  }

  async end(): Promise<void> {
    for (const child of this.#all) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  #catalog(): GridProcess {
    if (this.catalog === undefined) throw new Error('the catalog was not started');
    return this.catalog;
  }

  async #start(name: string, args: readonly string[], readyLine: RegExp): Promise<GridProcess> {
    const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#all.add(child);
    let log = '';
    child.stderr.on('data', (chunk) => {
      log = (log + String(chunk)).slice(-200_000);
    });
    const url = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${name} is not ready:\n${log}`)), READY_MS);
      createInterface({ input: child.stdout }).on('line', (text) => {
        const found = readyLine.exec(text)?.[1];
        if (found !== undefined) resolve(found);
      });
      child.once('exit', (code) => reject(new Error(`${name} ended with ${code}:\n${log}`)));
      child.once('exit', () => clearTimeout(timer));
    });
    return { name, child, url, pid: child.pid ?? 0, log: () => log };
  }
}

export async function runOstraca(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    const options = { env: { ...process.env, ...env }, timeout: 60_000, maxBuffer: 64 * 1024 * 1024 };
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [PROGRAM, ...args], options);
    return { code: 0, stdout, stderr };
  } catch (error) {
    const failed = error as { code?: number; stdout?: string; stderr?: string };
    return { code: failed.code ?? -1, stdout: failed.stdout ?? '', stderr: failed.stderr ?? '' };
  }
}

/** Asks again until it is true; the deadline says what was waited for. */
export async function until(what: string, deadlineMs: number, isTrue: () => Promise<boolean>): Promise<void> {
  const start = performance.now();
  for (;;) {
    if (await isTrue().catch(() => false)) return;
    if (performance.now() - start > deadlineMs) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await pause(50);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
