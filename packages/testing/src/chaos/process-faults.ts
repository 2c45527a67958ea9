/**
 * Kills, stops and restarts processes as planned. The last in-sync copy of a partition is never killed on purpose:
 * what one copy too many would lose is no promise of the grid, and would hide what is.
 */
import { must } from '@ostraca/core';
import type { ClientProcess } from './clients.ts';
import { type GridProcess, type GridProcesses, pause } from './grid-processes.ts';
import type { JournalDisk } from './journal-disk.ts';
import type { ProcessFault, ProcessFaultKind } from './scenario.ts';

export interface ProcessFaultsOptions {
  readonly processes: GridProcesses;
  readonly clients: readonly ClientProcess[];
  readonly faults: readonly ProcessFault[];
  readonly disk: JournalDisk | undefined;
  readonly onFault: (fault: ProcessFault, whom: string) => void;
  readonly onSkipped: (kind: ProcessFaultKind, why: string) => void;
  readonly onViolation: (what: string) => void;
  /** Of a container, after it has ended. */
  readonly restart: (name: string) => Promise<void>;
}

/** For a victim that may be killed. */
const VICTIM_MS = 4_000;
const FULL_DISK_MS = 15_000;
/** A catalog that has nothing to write would not notice that its disk is full. */
const PROVOKE_MS = 2_000;

export class ProcessFaults {
  readonly #options: ProcessFaultsOptions;
  readonly #underWay = new Set<Promise<void>>();
  #isOver = false;

  constructor(options: ProcessFaultsOptions) {
    this.#options = options;
  }

  async run(startMs: number): Promise<void> {
    for (const fault of this.#options.faults) {
      await pause(Math.max(0, startMs + fault.atMs - performance.now()));
      if (this.#isOver) return;
      const done = this.#begin(fault);
      this.#underWay.add(done);
      const forget = (): void => {
        this.#underWay.delete(done);
      };
      done.then(forget, forget);
      if (!fault.overlaps) await done;
    }
  }

  /** Nobody is stopped, everybody is started. */
  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#underWay);
  }

  async #begin(fault: ProcessFault): Promise<void> {
    switch (fault.kind) {
      case 'kill':
      case 'terminate':
        return await this.#killContainer(fault);
      case 'stop':
        return await this.#stopContainer(fault);
      case 'stopClient':
        return await this.#stopClient(fault);
      case 'killCatalog':
      case 'terminateCatalog':
        return await this.#killCatalog(fault);
      case 'stopCatalog':
        return await this.#stopCatalog(fault);
      case 'fullDisk':
        return await this.#fillDisk(fault);
    }
  }

  async #killContainer(fault: ProcessFault): Promise<void> {
    const { processes, onFault, onSkipped, restart } = this.#options;
    const victim = await this.#victim(fault.order);
    if (victim === undefined) {
      onSkipped(fault.kind, 'each container would have taken the last in-sync copy of a partition with it');
      return;
    }
    onFault(fault, victim.name);
    await processes.kill(victim, fault.kind === 'kill' ? 'SIGKILL' : 'SIGTERM');
    await this.#rest(fault.durationMs);
    await restart(victim.name);
  }

  async #stopContainer(fault: ProcessFault): Promise<void> {
    const victim = fault.order.map((name) => this.#running(name)).find((one) => one !== undefined);
    if (victim === undefined) return;
    this.#options.onFault(fault, victim.name);
    this.#options.processes.stop(victim);
    await this.#rest(fault.durationMs);
    this.#options.processes.continue(victim);
  }

  async #stopClient(fault: ProcessFault): Promise<void> {
    const client = must(
      this.#options.clients.find(({ name }) => name === fault.order[0]),
      'a client',
    );
    this.#options.onFault(fault, client.name);
    client.child.kill('SIGSTOP');
    await this.#rest(fault.durationMs);
    client.child.kill('SIGCONT');
  }

  async #killCatalog(fault: ProcessFault): Promise<void> {
    const { processes, onFault } = this.#options;
    onFault(fault, 'catalog');
    await processes.kill(this.#catalog, fault.kind === 'killCatalog' ? 'SIGKILL' : 'SIGTERM');
    await this.#rest(fault.durationMs);
    await processes.startCatalog();
  }

  async #stopCatalog(fault: ProcessFault): Promise<void> {
    this.#options.onFault(fault, 'catalog');
    const catalog = this.#catalog;
    this.#options.processes.stop(catalog);
    await this.#rest(fault.durationMs);
    this.#options.processes.continue(catalog);
  }

  /** It must say so in one line and end; then it gets room and is started again. */
  async #fillDisk(fault: ProcessFault): Promise<void> {
    const { processes, disk, onFault, onSkipped, restart } = this.#options;
    if (disk === undefined) {
      onSkipped(fault.kind, 'there is no small disk under the journal');
      return;
    }
    onFault(fault, 'catalog');
    const catalog = this.#catalog;
    catalog.isDoomed = true;
    disk.fill();
    let victim: GridProcess | undefined;
    let ended = await within(PROVOKE_MS, catalog.ended);
    if (ended === undefined) {
      victim = await this.#victim(fault.order);
      if (victim !== undefined) await processes.kill(victim);
      ended = await within(FULL_DISK_MS, catalog.ended);
    }
    if (ended === undefined) {
      if (victim !== undefined) {
        this.#options.onViolation(`the catalog goes on with a full disk under its journal: ${tailOf(catalog)}`);
      }
      catalog.isDoomed = false;
      disk.makeRoom();
    } else {
      const why = whyNotClear(ended.code, catalog.log());
      if (why !== undefined) this.#options.onViolation(`a full disk under the journal: ${why}: ${tailOf(catalog)}`);
      await this.#rest(fault.durationMs);
      disk.makeRoom();
      await processes.startCatalog();
    }
    if (victim !== undefined) await restart(victim.name);
  }

  /** The first in this order without which every partition has a living in-sync copy. */
  async #victim(order: readonly string[]): Promise<GridProcess | undefined> {
    const startMs = performance.now();
    while (performance.now() - startMs < VICTIM_MS && !this.#isOver) {
      const victim = await this.#findVictim(order);
      if (victim !== undefined) return victim;
      await pause(100);
    }
    return undefined;
  }

  async #findVictim(order: readonly string[]): Promise<GridProcess | undefined> {
    try {
      const { partitions, containers } = await this.#options.processes.status();
      const well = new Set<string>();
      for (const { name, incarnation, alive, suspect } of containers) {
        if (alive && !suspect && this.#running(name) !== undefined) well.add(incarnation);
      }
      const mayGo = (name: string): boolean =>
        partitions.every(
          ({ config }) =>
            config !== null &&
            !config.lost &&
            config.sync.some(({ container, incarnation }) => container !== name && well.has(incarnation)),
        );
      const name = order.find((one) => this.#running(one) !== undefined && mayGo(one));
      // It was running a moment ago; it may have been stopped meanwhile by an overlapping fault.
      return name === undefined ? undefined : this.#running(name);
    } catch {
      // A catalog that does not answer tells nothing: nobody is killed on a guess.
      return undefined;
    }
  }

  #running(name: string): GridProcess | undefined {
    const one = this.#options.processes.containers.get(name);
    return one?.isReady === true && !one.isDoomed && !one.isStopped ? one : undefined;
  }

  get #catalog(): GridProcess {
    return must(this.#options.processes.catalog, 'a catalog');
  }

  async #rest(ms: number): Promise<void> {
    const endMs = performance.now() + ms;
    while (!this.#isOver && performance.now() < endMs) await pause(Math.min(100, endMs - performance.now()));
  }
}

/** One clear line, and a code that says that it failed. */
function whyNotClear(code: number | null, log: string): string | undefined {
  if (code === 0 || code === null) return `the catalog ended with ${code}`;
  const lines = log.split('\n').filter((line) => line.startsWith('ostraca: '));
  if (lines.length !== 1) return `${lines.length} lines for people`;
  return /ENOSPC|no space/i.test(lines[0] ?? '') ? undefined : 'the line does not say that the disk is full';
}

function tailOf(process: GridProcess): string {
  return process.log().split('\n').slice(-4).join('\n');
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
