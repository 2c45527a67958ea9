/** Who does not belong here, on the ports of real processes: refused with a reason, counted, and nobody else notices. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { connect, type GridMap } from '@ostraca/client';
import { attach, createHost, listen } from '@ostraca/runtime';
import { afterEach, expect, test } from 'vitest';
import { type GridProcess, GridProcesses, runOstraca, until } from './grid-processes.test-lib.ts';

const STRANGERS = 200;
const CLOSED_WITHIN_MS = 15_000;
/** A hundred large frames would be ten times that, if they were gathered. */
const GROWTH_MIB_MAX = 250;

let processes: GridProcesses | undefined;

afterEach(async () => {
  await processes?.end();
  processes = undefined;
});

async function startGrid(settings: { readonly developmentMode?: boolean } = {}): Promise<GridProcesses> {
  processes = new GridProcesses({ numberOfPartitions: 3, ...settings });
  await processes.startCatalog();
  await Promise.all([processes.startContainer('c1'), processes.startContainer('c2')]);
  return processes;
}

test('garbage, half and oversized frames: closed with a reason and counted, and everybody else goes on', async () => {
  const grid = await startGrid();
  await grid.settled(2);
  const targets = everyProcess(grid).filter(({ name }) => name !== 'c2');
  const client = await connect({ catalogs: [grid.catalogUrl], grid: 'shop' });
  const orders: GridMap<string, number> = client.map('orders');
  const before = await Promise.all(
    targets.map(async (one) => ({ refused: await refusedBy(one), mib: memoryMib(one) })),
  );

  const writing = { stop: false };
  const visits = targets.flatMap((target) => Array.from({ length: STRANGERS }, (_, index) => visit(target, index)));
  const [ends, written] = await Promise.all([
    Promise.all(visits).finally(() => {
      writing.stop = true;
    }),
    writeOn(orders, writing),
  ]);

  expect(ends.filter((end) => end !== 'refused')).toEqual([]);
  for (const [index, target] of targets.entries()) {
    const { refused = 0, mib = 0 } = before[index] ?? {};
    expect((await refusedBy(target)) - refused, target.name).toBeGreaterThanOrEqual(STRANGERS);
    const grownMib = memoryMib(target) - mib;
    console.log(`${STRANGERS} strangers: ${target.name} grew by ${grownMib} MiB`);
    expect(grownMib, target.name).toBeLessThan(GROWTH_MIB_MAX);
  }
  expect(written).toBeGreaterThan(0);
  expect(await orders.size()).toBe(written);
  await client.close();
  expect((await grid.ostraca('verify', 'shop')).code).toBe(0);
  for (const process of everyProcess(grid)) await expectCleanMetrics(process);
});

test('web pages and foreign names are refused', async () => {
  const grid = await startGrid();
  for (const { url } of everyProcess(grid)) {
    expect(await answerTo(url, '/grid', { origin: 'http://evil.test', ...UPGRADE })).toBe(403);
    expect(await answerTo(url, '/api/status', { origin: 'http://evil.test' })).toBe(403);
    expect(await answerTo(url, '/metrics', { host: 'evil.test' })).toBe(403);
    expect(await answerTo(url, '/livez')).toBe(200);
    expect(await answerTo(url, '/readyz')).toBe(200);
  }
});

test('a program of another protocol is refused with the reason, exit 4', async () => {
  const listener = await listen({ host: '127.0.0.1', port: 0, onHttp: (_, response) => void response.end() });
  const host = createHost({
    self: { role: 'catalog', name: 'later', incarnation: 'a'.repeat(32), protocol: { min: 99, max: 99 } },
    machine: () => ({ onOpen: ignore, onMessage: ignore, onClose: ignore, onTick: ignore }),
  });
  attach(listener, host);
  for (const args of [['container'], ['map', 'get', 'shop', 'orders', 'a']]) {
    const { code, stderr } = await runOstraca(args, { OSTRACA_CATALOG: listener.url });
    expect({ args, code, stderr }).toEqual({
      args,
      code: 4,
      stderr: expect.stringMatching(/protocol_version.*99 to 99/),
    });
  }
  await host.close();
  await listener.close();
});

test('a policy that cannot be placed says so within 5 s: log, show placement, and writes at once', async () => {
  const grid = await startGrid({ developmentMode: false });
  const reason = '2 containers on 1 host, developmentMode is false';
  await until('the catalog logs it', 5_000, async () => grid.catalog?.log().includes(reason) === true);
  expect((await grid.ostraca('show', 'placement')).stdout).toContain(reason);
  const client = await connect({ catalogs: [grid.catalogUrl], grid: 'shop', onUnavailable: 'wait' });
  const startMs = performance.now();
  const refused = client.map('orders').set('a', 1);
  await expect(refused).rejects.toMatchObject({ code: 'unavailable', outcome: 'not_applied', details: { reason } });
  expect(performance.now() - startMs).toBeLessThan(2_000);
  await client.close();
  expect((await grid.ostraca('map', 'set', 'shop', 'orders', 'a', '1')).code).toBe(3);
});

const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

function ignore(): void {}

function everyProcess({ catalog, containers }: GridProcesses): GridProcess[] {
  return catalog === undefined ? [] : [catalog, ...containers.values()];
}

async function writeOn(map: GridMap<string, number>, writing: { readonly stop: boolean }): Promise<number> {
  let count = 0;
  for (; !writing.stop; count++) await map.set(`k${count}`, count);
  return count;
}

/** What a stranger sends after its upgrade, or instead of one. */
const KINDS: readonly ((address: string) => Buffer[])[] = [
  () => [randomBytes(2_000)],
  () => [Buffer.from('GET / HTTP/9.9\r\n\r\n')],
  (address) => [upgrade(address), frameHead(5_000), randomBytes(5_000)],
  (address) => [upgrade(address), frameHead(LARGE.length), LARGE],
  (address) => [upgrade(address), frameHead(64 * LARGE.length), LARGE],
  (address) => [upgrade(address), frameHead(5_000), randomBytes(20)],
  (address) => [upgrade(address)],
];
const LARGE = Buffer.alloc(1 << 20);

/** Of HTTP, in words, or the code 1009 of WebSocket: too big. */
const REASONS = [' 400 ', 'frame refused', '\u0003\u00f1'];

type End = 'refused' | 'without a reason' | 'still open';

function visit({ url }: GridProcess, index: number): Promise<End> {
  const { hostname, port } = new URL(url);
  const sent = KINDS[index % KINDS.length]?.(`${hostname}:${port}`) ?? [];
  return new Promise((resolve) => {
    let heard = '';
    const socket = connectTcp(Number(port), hostname, () => {
      for (const bytes of sent) socket.write(bytes);
    });
    const timer = setTimeout(() => {
      resolve('still open');
      socket.destroy();
    }, CLOSED_WITHIN_MS);
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
    });
    // The other end may be gone while we still write.
    socket.on('error', ignore);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(REASONS.some((reason) => heard.includes(reason)) ? 'refused' : 'without a reason');
    });
  });
}

function upgrade(address: string): Buffer {
  const headers = Object.entries({ host: address, ...UPGRADE }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`GET /grid HTTP/1.1\r\n${headers.join('')}\r\n`);
}

/** Of one binary frame of a client, with a mask of zeros. */
function frameHead(bytes: number): Buffer {
  const head = Buffer.alloc(14);
  head[0] = 0x82;
  head[1] = 0xff;
  head.writeBigUInt64BE(BigInt(bytes), 2);
  return head;
}

function answerTo(url: string, path: string, headers: Record<string, string> = {}): Promise<number | undefined> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path, headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(response.statusCode);
    });
    asked.on('error', reject);
    asked.end();
  });
}

async function metricsOf({ url }: GridProcess): Promise<string> {
  return await (await fetch(`${url.replace('ws:', 'http:')}/metrics`)).text();
}

async function refusedBy(process: GridProcess): Promise<number> {
  const lines = (await metricsOf(process)).matchAll(/^ostraca_(?:connections|frames)_refused_total\{.*\} (\d+)$/gm);
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
}

function memoryMib({ pid }: GridProcess): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024);
}

/** With entries, refusals and a client in them. */
async function expectCleanMetrics(process: GridProcess): Promise<void> {
  if (spawnSync('promtool', ['--version']).error !== undefined) return;
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    input: await metricsOf(process),
    encoding: 'utf8',
  });
  expect({ name: process.name, status, said: stdout + stderr }).toEqual({ name: process.name, status: 0, said: '' });
}
