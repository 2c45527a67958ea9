/**
 * A catalog and containers as processes, by the command line, as an operator starts them. Whoever starts them ends
 * them, by their process numbers; and should this process vanish, they notice by their channel to it and end.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CatalogStatus } from '@ostraca/core';

const READY_MS = 60_000;
const LOG_CHARS_MAX = 200_000;
export const GRID = 'chaos';

export interface MapSetSettings {
  readonly numberOfPartitions: number;
  readonly minSyncReplicas: number;
  readonly maxSyncReplicas: number;
  readonly numInitialContainers: number;
  readonly failureDetection: string;
  readonly maps: readonly MapSettings[];
}

export interface MapSettings {
  readonly name: string;
  readonly lockStrategy?: 'OPTIMISTIC' | 'PESSIMISTIC';
}

export interface GridProcess {
  readonly name: string;
  readonly child: ChildProcess;
  readonly pid: number;
  /** Since it was ready. */
  isReady: boolean;
  /** We have ended it, or are about to: its end is no surprise. */
  isDoomed: boolean;
  /** Between SIGSTOP and SIGCONT. */
  isStopped: boolean;
  /** Resolves at its end. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  /** The tail of what it said on stderr. */
  log(): string;
}

export interface StartOptions {
  readonly listenPort: number;
  /** Undefined: none but where it listens. */
  readonly advertise?: string;
  readonly catalogUrl: string;
}

/** The program of this workspace, seen from wherever the packages are built. */
export function findProgram(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const program = join(folder, 'apps', 'ostraca', 'bin', 'ostraca.js');
    if (existsSync(program)) return program;
  }
  throw new Error('apps/ostraca/bin/ostraca.js is not there: say where the program is with --program');
}

export class GridProcesses {
  readonly folder = mkdtempSync(join(tmpdir(), 'ostraca-chaos-'));
  /** By name; the newest life. */
  readonly containers = new Map<string, GridProcess>();
  readonly dataDir = join(this.folder, 'catalog');
  catalog: GridProcess | undefined;
  /** A process that was ready ended by itself. */
  onSurprise: (process: GridProcess, how: string) => void = () => {};
  readonly #program: string;
  readonly #all = new Set<GridProcess>();
  readonly #policyFile = join(this.folder, 'policy.json');
  #catalogPort = 0;

  constructor(program: string, settings: MapSetSettings) {
    this.#program = program;
    const mapSet = { name: 'main', developmentMode: true, ...settings };
    writeFileSync(this.#policyFile, JSON.stringify({ grids: [{ name: GRID, mapSets: [mapSet] }] }));
    mkdirSync(this.dataDir);
  }

  get catalogPort(): number {
    return this.#catalogPort;
  }

  /** Where it really listens. */
  get catalogUrl(): string {
    return `ws://127.0.0.1:${this.#catalogPort}`;
  }

  /** Always on the same port and journal. */
  async startCatalog(): Promise<GridProcess> {
    if (this.#catalogPort === 0) this.#catalogPort = await freePort();
    const listen = `127.0.0.1:${this.#catalogPort}`;
    const args = ['catalog', '--policy', this.#policyFile, '--listen', listen, '--data', this.dataDir];
    this.catalog = this.#spawn('catalog', args);
    await this.#untilReady(this.catalog, /^ostraca catalog ready /);
    return this.catalog;
  }

  /** Again after it has ended before it was ready, as one that finds no catalog does. */
  async startContainer(name: string, options: StartOptions): Promise<GridProcess> {
    const { listenPort, advertise, catalogUrl } = options;
    const args = ['container', '--catalog', catalogUrl, '--name', name, '--listen', `127.0.0.1:${listenPort}`];
    if (advertise !== undefined) args.push('--advertise', advertise);
    const startMs = performance.now();
    for (;;) {
      const container = this.#spawn(name, args);
      this.containers.set(name, container);
      try {
        await this.#untilReady(container, /^ostraca container \S+ ready /);
        return container;
      } catch (error) {
        if (performance.now() - startMs > READY_MS || container.isDoomed) throw error;
        await pause(200);
      }
    }
  }

  async kill(process: GridProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    process.isDoomed = true;
    process.child.kill(signal);
    return (await process.ended).code;
  }

  stop(process: GridProcess): void {
    process.isStopped = true;
    process.child.kill('SIGSTOP');
  }

  continue(process: GridProcess): void {
    process.isStopped = false;
    process.child.kill('SIGCONT');
  }

  /** @throws Nobody answers within the time. */
  async status(timeoutMs = 1_000): Promise<CatalogStatus> {
    const url = `http://127.0.0.1:${this.#catalogPort}/api/status`;
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    return (await response.json()) as CatalogStatus;
  }

  /** Until every partition has so many in-sync copies in live processes, and none is on the move. */
  async settled(copies: number, deadlineMs: number): Promise<void> {
    const isSettled = async (): Promise<boolean> => isSettledIn(await this.status(), copies);
    await until(`every partition has ${copies} in-sync copies`, deadlineMs, isSettled);
  }

  async ostraca(...args: string[]): Promise<{ readonly code: number; readonly output: string }> {
    const env = { ...process.env, OSTRACA_CATALOG: this.catalogUrl };
    const options = { env, timeout: 120_000, maxBuffer: 64 * 1024 * 1024 };
    try {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [this.#program, ...args], options);
      return { code: 0, output: stdout + stderr };
    } catch (error) {
      const { code = -1, stdout = '', stderr = '' } = error as { code?: number; stdout?: string; stderr?: string };
      return { code, output: stdout + stderr };
    }
  }

  /** At once, from a signal handler too. */
  killAll(): void {
    for (const process of this.#all) {
      process.isDoomed = true;
      process.child.kill('SIGKILL');
    }
  }

  async end(): Promise<void> {
    this.killAll();
    await Promise.all([...this.#all].map(({ ended }) => ended));
  }

  /** After the end, or in the middle of it. */
  removeFolder(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #spawn(name: string, args: readonly string[]): GridProcess {
    const child = spawn(process.execPath, [this.#program, ...args], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    let log = '';
    const logFile = createWriteStream(join(this.folder, `${name}.log`), { flags: 'a' });
    child.stderr?.on('data', (bytes) => {
      log = (log + String(bytes)).slice(-LOG_CHARS_MAX);
      logFile.write(bytes);
    });
    const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
      child.once('close', (code, signal) => {
        logFile.end();
        resolve({ code, signal });
      });
    });
    const one: GridProcess = {
      name,
      child,
      pid: child.pid ?? 0,
      isReady: false,
      isDoomed: false,
      isStopped: false,
      ended,
      log: () => log,
    };
    this.#all.add(one);
    void ended.then(({ code, signal }) => {
      this.#all.delete(one);
      if (one.isReady && !one.isDoomed) this.onSurprise(one, signal ?? `exit code ${code}`);
    });
    return one;
  }

  async #untilReady(process: GridProcess, readyLine: RegExp): Promise<void> {
    const { child, name } = process;
    const ready = new Promise<void>((resolve, reject) => {
      if (child.stdout === null) throw new Error('stdout is a pipe');
      createInterface({ input: child.stdout }).on('line', (text) => {
        if (readyLine.test(text)) resolve();
      });
      const timer = setTimeout(() => reject(new Error(`${name} is not ready:\n${process.log()}`)), READY_MS);
      void process.ended.then(({ code, signal }) => {
        clearTimeout(timer);
        reject(new Error(`${name} ended with ${signal ?? code}:\n${process.log()}`));
      });
    });
    await ready;
    process.isReady = true;
  }
}

export function isSettledIn({ partitions, containers }: CatalogStatus, copies: number): boolean {
  const alive = new Set(containers.filter((one) => one.alive).map(({ incarnation }) => incarnation));
  return partitions.every(
    ({ config }) =>
      config !== null &&
      config.sync.length === copies &&
      config.joining.length === 0 &&
      config.leaving.length === 0 &&
      config.sync.every(({ incarnation }) => alive.has(incarnation)),
  );
}

/** Nobody listens there now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}

/** Asks again until it is true; the deadline says what was waited for. */
export async function until(what: string, deadlineMs: number, isTrue: () => Promise<boolean>): Promise<void> {
  const startMs = performance.now();
  let last = '';
  for (;;) {
    try {
      if (await isTrue()) return;
    } catch (error) {
      last = `: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (performance.now() - startMs > deadlineMs) throw new Error(`not within ${deadlineMs} ms: ${what}${last}`);
    await pause(50);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
