import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GridError } from '@ostraca/core';
import { JournalError, ListenError } from '@ostraca/runtime';
import { afterEach, describe, expect, test } from 'vitest';
import type { Log } from './log.ts';
import { PolicyError } from './policy.ts';
import { startCatalog } from './start-catalog.ts';
import { startContainer } from './start-container.ts';

const policy = {
  grids: [
    {
      name: 'shop',
      mapSets: [
        {
          name: 'orders',
          numberOfPartitions: 3,
          developmentMode: true,
          failureDetection: 'aggressive',
          maps: [{ name: 'orders' }],
        },
      ],
    },
  ],
};

interface LoggedLine {
  readonly facts: object;
  readonly message: string;
}

function newLog(): Log & { readonly lines: LoggedLine[] } {
  const lines: LoggedLine[] = [];
  const put = (facts: object, message: string): void => void lines.push({ facts, message });
  return { lines, debug: put, info: put, warn: put, error: put };
}

const open: { close(): Promise<void> }[] = [];
const directories: string[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ostraca-server-'));
  directories.push(directory);
  return directory;
}

async function openCatalog(
  options: { readonly dataDir?: string; readonly policy?: object; readonly listen?: string } = {},
) {
  const logger = newLog();
  const catalog = await startCatalog({
    listen: '127.0.0.1:0',
    logger,
    ...options,
    policy: { ...(options.policy ?? policy) },
  });
  open.push(catalog);
  return { ...catalog, lines: logger.lines };
}

async function openContainer(
  catalogs: readonly string[],
  options: { readonly name?: string; readonly listen?: string } = {},
) {
  const container = await startContainer({ catalogs, logger: newLog(), ...options });
  open.push(container);
  return container;
}

async function get(url: string, path: string, headers: Readonly<Record<string, string>> = {}) {
  const response = await fetch(new URL(path, url.replace(/^ws/, 'http')), { headers });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

async function failureOf(act: Promise<unknown>): Promise<unknown> {
  try {
    await act;
  } catch (error) {
    return error;
  }
  return undefined;
}

/** Until `ready` returns something, under one generous deadline. */
async function until<Result>(what: string, ready: () => Promise<Result | undefined>): Promise<Result> {
  const endMs = performance.now() + 30_000;
  for (;;) {
    const result = await ready();
    if (result !== undefined) return result;
    if (performance.now() > endMs) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function placed(url: string) {
  return until('all partitions placed', async () => {
    const status = JSON.parse((await get(url, '/api/status')).text);
    const isPlaced = status.partitions.every(
      (partition: { config: { sync: unknown[] } | null }) => partition.config?.sync.length === 2,
    );
    return isPlaced ? status : undefined;
  });
}

describe('a catalog and its containers', () => {
  test('containers register, are placed, and all of it shows over HTTP', async () => {
    const catalog = await openCatalog();
    expect(catalog.lines.map(({ message }) => message).join(), 'a journal in memory is said').toContain('in memory');
    const first = await openContainer([catalog.url], { name: 'c1' });
    const second = await openContainer([catalog.url], { name: 'c2' });
    expect(first).toMatchObject({ name: 'c1', url: expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+$/) });
    const status = await placed(catalog.url);
    expect(status).toMatchObject({
      role: 'catalog',
      containers: [
        { name: 'c1', alive: true },
        { name: 'c2', alive: true },
      ],
    });
    for (const { url } of [catalog, first, second]) {
      expect((await get(url, '/livez')).status).toBe(200);
      await until('ready', async () => ((await get(url, '/readyz')).status === 200 ? true : undefined));
    }
    expect(JSON.parse((await get(first.url, '/api/status')).text)).toMatchObject({
      role: 'container',
      name: 'c1',
      registered: true,
    });
    const metrics = (await get(first.url, '/metrics')).text;
    expect(metrics).toMatch(/^ostraca_shards\{grid="shop",role="(primary|sync)",state="ready"\} [123]$/m);
    expect(metrics).toMatch(/^ostraca_connections\{role="catalog"\} 1$/m);
    expect((await get(catalog.url, '/metrics')).text).toMatch(/^ostraca_partitions\{grid="shop",state="placed"\} 3$/m);

    await first.drain();
    await until('c1 has left', async () => {
      const { containers } = JSON.parse((await get(catalog.url, '/api/status')).text);
      return containers.find((one: { name: string; ended: string }) => one.name === 'c1' && one.ended === 'left');
    });
  });

  test('a name that is alive elsewhere is refused, after trying for as long as its predecessor may live', async () => {
    const catalog = await openCatalog();
    await openContainer([catalog.url], { name: 'c1' });
    const startedAtMs = performance.now();
    const error = await failureOf(openContainer([catalog.url], { name: 'c1' }));
    expect(error).toBeInstanceOf(GridError);
    expect(error).toMatchObject({ code: 'name_in_use', details: { waitedMs: 3_000 } });
    expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(1_150);
  });

  test('a restarted catalog knows its containers, and refuses another policy', async () => {
    const dataDir = newDirectory();
    const catalog = await openCatalog({ dataDir });
    await openContainer([catalog.url], { name: 'c1' });
    await openContainer([catalog.url], { name: 'c2' });
    const before = await placed(catalog.url);
    const listen = catalog.url.slice('ws://'.length);
    await catalog.close();
    const other = structuredClone(policy);
    Object.assign(other.grids[0]?.mapSets[0] ?? {}, { numberOfPartitions: 4 });
    const refused = await failureOf(openCatalog({ dataDir, policy: other }));
    expect(refused).toMatchObject({ code: 'incompatible_policy' });
    expect(String((refused as GridError).details.difference)).toContain(
      'numberOfPartitions: 3 in the journal, 4 in the policy',
    );
    const again = await openCatalog({ dataDir, listen });
    const after = await placed(again.url);
    expect(after.generation).toBe(before.generation);
    expect(after.partitions).toEqual(before.partitions);
  });
});

describe('what cannot start says why', () => {
  test('a bad policy', async () => {
    expect(await failureOf(openCatalog({ policy: { grids: [] } }))).toBeInstanceOf(PolicyError);
  });

  test('a taken port', async () => {
    const catalog = await openCatalog();
    const listen = catalog.url.slice('ws://'.length);
    expect(await failureOf(openCatalog({ listen }))).toBeInstanceOf(ListenError);
    expect(await failureOf(openContainer([catalog.url], { listen }))).toBeInstanceOf(ListenError);
  });

  test('a listener off the loopback', async () => {
    expect(await failureOf(openCatalog({ listen: '0.0.0.0:0' }))).toBeInstanceOf(ListenError);
    expect(await failureOf(openCatalog({ listen: 'nowhere' }))).toBeInstanceOf(ListenError);
  });

  test('a data directory that another catalog holds', async () => {
    const dataDir = newDirectory();
    await openCatalog({ dataDir });
    const error = await failureOf(openCatalog({ dataDir }));
    expect(error).toBeInstanceOf(JournalError);
    expect(error).toMatchObject({ kind: 'held' });
  });

  test('a damaged journal', async () => {
    const dataDir = newDirectory();
    const catalog = await openCatalog({ dataDir });
    await catalog.close();
    const path = join(dataDir, 'catalog.journal');
    const bytes = await readFile(path);
    await writeFile(path, Buffer.concat([bytes.subarray(0, 4), Buffer.from('garbage'), bytes.subarray(11)]));
    expect(await failureOf(openCatalog({ dataDir }))).toMatchObject({ kind: 'damaged' });
  });

  test.each([
    ['no catalog to dial', { catalogs: [] }, 'catalogs'],
    ['a name that is none', { name: 'a b' }, 'name'],
    ['an incarnation that is none', { incarnation: 'x' }, 'incarnation'],
    ['an option that is not known', { nmae: 'c1' }, 'nmae'],
    ['a size that is too small', { memory: '1MiB' }, 'memory'],
    ['a size without a unit', { memory: '2000000000' }, 'memory'],
  ])('a container with %s', async (_what, options, argument) => {
    const error = await failureOf(startContainer({ catalogs: ['ws://127.0.0.1:1'], logger: newLog(), ...options }));
    expect(error).toMatchObject({ code: 'invalid_argument', details: { argument } });
  });

  test('a catalog with an option that is not built yet', async () => {
    const error = await failureOf(startCatalog({ policy, ...{ etcd: 'http://127.0.0.1:2379' } }));
    expect(error).toMatchObject({
      code: 'invalid_argument',
      details: { argument: 'etcd', reason: 'not supported yet' },
    });
  });

  test('a container whose catalog is none', async () => {
    const catalog = await openCatalog();
    const container = await openContainer([catalog.url]);
    const error = await failureOf(openContainer([container.url]));
    expect(error).toMatchObject({ code: 'unavailable', outcome: 'not_applied', details: { waitedMs: 10_000 } });
    expect(String((error as GridError).details.reason)).toContain('not a catalog');
  });
});

describe('HTTP', () => {
  test('web pages, strangers and wrong paths', async () => {
    const catalog = await startCatalog({
      policy,
      listen: '127.0.0.1:0',
      logger: newLog(),
      allowOrigins: ['http://good.test'],
    });
    open.push(catalog);
    expect((await get(catalog.url, '/api/status', { origin: 'http://evil.test' })).status).toBe(403);
    const allowed = await get(catalog.url, '/api/status', { origin: 'http://good.test' });
    expect(allowed.status).toBe(200);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('http://good.test');
    expect((await get(catalog.url, '/nowhere')).status).toBe(404);
    expect((await get(catalog.url, '/api/toString')).status).toBe(404);
    const posted = await fetch(new URL('/api/status', catalog.url.replace(/^ws/, 'http')), { method: 'POST' });
    expect(posted.status).toBe(405);
  });

  const hasPromtool = spawnSync('promtool', ['--version']).error === undefined;
  if (!hasPromtool)
    console.log('promtool is not installed (Debian package prometheus): /metrics is not checked with it');

  test.skipIf(!hasPromtool)('promtool accepts /metrics of a catalog and of a container', async () => {
    const catalog = await openCatalog();
    const containers = [await openContainer([catalog.url]), await openContainer([catalog.url])];
    await placed(catalog.url);
    for (const { url } of [catalog, ...containers]) {
      const { text } = await get(url, '/metrics');
      const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
      expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: '' });
    }
  });
});
