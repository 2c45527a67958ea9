/**
 * Calls that end before they are done, by short deadlines and by aborts, while primaries are killed: what is told of each is
 * true, and "unknown" is told only where no primary could say, and to callers that did not wait.
 */
import { connect, GridError, type GridMap } from '@ostraca/client';
import { afterEach, expect, test } from 'vitest';
import { GridProcesses, pause } from './grid-processes.test-lib.ts';

const CALLERS = 32;
const KILLS = 3;
const DEADLINES_MS = [200, 1_000, 3_000];
const ABORTED_1_IN = 4;
const ABORT_WITHIN_MS = 10;

let processes: GridProcesses | undefined;

afterEach(async () => {
  await processes?.end();
  processes = undefined;
});

type Told = 'committed' | 'not_applied' | 'unknown';

/** Every call inserts a key of its own. */
class Callers {
  readonly told = new Map<string, Told>();
  /** By what ended the call: its code, and what is known of it. */
  readonly counts = new Map<string, number>();
  readonly #orders: GridMap<string, number>;
  readonly #running: Promise<void>[] = [];
  #isOver = false;

  constructor(orders: GridMap<string, number>) {
    this.#orders = orders;
    for (let caller = 0; caller < CALLERS; caller++) this.#running.push(this.#call(caller));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
  }

  async #call(caller: number): Promise<void> {
    for (let count = 0; !this.#isOver; count++) {
      const key = `${caller}-${count}`;
      const deadlineMs = DEADLINES_MS[count % DEADLINES_MS.length] as number;
      const controller = new AbortController();
      if (count % ABORTED_1_IN === 0) setTimeout(() => controller.abort(), Math.random() * ABORT_WITHIN_MS);
      const startMs = performance.now();
      this.#note(key, await this.#insert(key, { deadlineMs, signal: controller.signal }));
      expect(performance.now() - startMs, 'ends by its deadline').toBeLessThan(deadlineMs + 500);
      await pause(1);
    }
  }

  async #insert(key: string, options: { deadlineMs: number; signal: AbortSignal }): Promise<GridError | undefined> {
    try {
      await this.#orders.insert(key, 1, options);
      return undefined;
    } catch (error) {
      if (error instanceof GridError) return error;
      throw error;
    }
  }

  #note(key: string, error: GridError | undefined): void {
    this.told.set(key, error?.outcome ?? 'committed');
    const how = error === undefined ? 'committed' : `${error.code} ${error.outcome}`;
    this.counts.set(how, (this.counts.get(how) ?? 0) + 1);
  }
}

test('what is told of a call that ended early is true, whatever dies meanwhile', async () => {
  const grid = new GridProcesses({ maxSyncReplicas: 2, numInitialContainers: 3 });
  processes = grid;
  await grid.startCatalog();
  const names = ['c1', 'c2', 'c3'];
  await Promise.all(names.map((name) => grid.startContainer(name)));
  await grid.settled(3);
  const client = await connect({ catalogs: [grid.catalogUrl], grid: 'shop' });
  const orders = client.map<string, number>('orders');
  const callers = new Callers(orders);
  for (let kill = 0; kill < KILLS; kill++) {
    await pause(1_000);
    const name = names[kill] as string;
    const container = grid.containers.get(name);
    if (container === undefined) throw new Error(`${name} does not run`);
    await grid.kill(container);
    await pause(2_000);
    await grid.startContainer(name);
    await grid.settled(3);
  }
  await callers.stop();

  const found = await orders.getAll([...callers.told.keys()]);
  const wrong: Record<Told, string[]> = { committed: [], not_applied: [], unknown: [] };
  for (const [key, told] of callers.told) {
    if (told === 'committed' && !found.has(key)) wrong.committed.push(key);
    if (told === 'not_applied' && found.has(key)) wrong.not_applied.push(key);
  }
  console.log(`short deadlines: ${JSON.stringify(Object.fromEntries([...callers.counts].sort()))}`);
  expect(wrong).toEqual({ committed: [], not_applied: [], unknown: [] });
  expect(callers.counts.get('committed') ?? 0).toBeGreaterThan(1_000);
  expect(callers.counts.get('aborted unknown') ?? 0, 'an abort settles nothing').toBeGreaterThan(0);
  // Each kill leaves at most those unknown that were out when it came, or were called before the next primary was there.
  expect(callers.counts.get('timeout unknown') ?? 0).toBeLessThan(KILLS * CALLERS * 4);
  await client.close();
});
