/** The commands as people type them: what they print, and the exit codes that scripts rely on. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CatalogStatus } from '@ostraca/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { policyOf, runOstraca, until } from './e2e/grid-processes.test-lib.ts';

const PROGRAM = fileURLToPath(new URL('../bin/ostraca.js', import.meta.url));
const WITHIN_MS = 30_000;

interface Program {
  readonly child: ChildProcess;
  readonly lines: string[];
  err(): string;
  /** The first line that fits, printed already or to come. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

let folder = '';
let programs: Program[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ostraca-cli-'));
  programs = [];
});

afterEach(async () => {
  for (const { child, exited } of programs) {
    child.kill('SIGKILL');
    await exited;
  }
  rmSync(folder, { recursive: true, force: true });
});

function start(...args: string[]): Program {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  let err = '';
  child.stderr.on('data', (chunk) => {
    err += String(chunk);
  });
  createInterface({ input: child.stdout }).on('line', (text) => lines.push(text));
  const program: Program = {
    child,
    lines,
    err: () => err,
    line: async (pattern) => {
      const found = (): RegExpExecArray | undefined =>
        lines.map((text) => pattern.exec(text)).find((match) => match !== null) ?? undefined;
      await until(`${args[0]} prints ${pattern}: ${err}`, WITHIN_MS, async () => found() !== undefined);
      return found() as RegExpExecArray;
    },
    exited: new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal }))),
  };
  programs.push(program);
  return program;
}

async function startDev(...args: string[]): Promise<Program & { readonly url: string }> {
  const dev = start('dev', '--listen', '127.0.0.1:0', ...args);
  const [, url = ''] = await dev.line(/^ostraca dev ready (\S+)$/);
  return { ...dev, url };
}

async function startCatalog(...args: string[]): Promise<Program & { readonly url: string }> {
  const policy = join(folder, 'policy.json');
  writeFileSync(policy, policyOf({ numberOfPartitions: 3 }));
  const catalog = start('catalog', '--policy', policy, '--listen', '127.0.0.1:0', ...args);
  const [, url = ''] = await catalog.line(/^ostraca catalog ready (\S+)$/);
  return { ...catalog, url };
}

async function statusOf(url: string): Promise<CatalogStatus> {
  return (await (await fetch(`${url.replace('ws:', 'http:')}/api/status`)).json()) as CatalogStatus;
}

function pidsOf(dev: Program): number[] {
  return dev.lines.flatMap((text) => /^container \S+ is process (\d+)$/.exec(text)?.slice(1).map(Number) ?? []);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('ostraca dev', () => {
  test('every command on a whole grid', async () => {
    const dev = await startDev();
    expect(dev.lines).toContain('grid dev, maps default, sessions, carts');
    expect(dev.err()).toContain('developmentMode is true');
    const ostraca = (...args: string[]) => runOstraca(args, { OSTRACA_CATALOG: dev.url });
    const map = (name: string, ...args: string[]) => ostraca('map', name, 'dev', 'carts', ...args);

    expect(await map('get', 'a')).toMatchObject({ code: 1, stdout: '' });
    expect(await map('has', 'a')).toMatchObject({ code: 1, stdout: 'false\n' });
    expect(await map('update', 'a', '1')).toMatchObject({ code: 1, stdout: '' });
    expect(await map('delete', 'a')).toMatchObject({ code: 1, stdout: 'false\n' });
    expect(await map('insert', 'a', '{"n":{"$bigint":"1"}}')).toMatchObject({ code: 0 });
    expect(await map('insert', 'a', '2')).toMatchObject({ code: 1, stdout: '' });
    expect(await map('get', 'a')).toMatchObject({ code: 0, stdout: '{"n":{"$bigint":"1"}}\n' });
    const { stdout: version } = await map('set', 'a', '{"$date":"2024-01-01T00:00:00.000Z"}');
    expect(version).toMatch(/^\d+\.\d+\n$/);
    expect(await map('set', 'a', '3', '--if-version', '1.1')).toMatchObject({ code: 4 });
    expect(await map('update', 'a', '3', '--if-version', version.trim(), '--json')).toMatchObject({ code: 0 });
    expect(await map('set', '["a",7]', '"tuple"', '--key-type', 'json')).toMatchObject({ code: 0 });
    expect(await map('get', '["a",7]', '--key-type', 'json')).toMatchObject({ stdout: '"tuple"\n' });
    expect(await map('set', '--key-type', 'number', '--', '-5', '-5')).toMatchObject({ code: 0 });
    expect(await map('size')).toMatchObject({ code: 0, stdout: '3\n' });
    const { stdout: scanned } = await map('scan');
    expect(scanned.trim().split('\n').sort()).toEqual(
      ['{"key":"a","value":3}', '{"key":-5,"value":-5}', '{"key":["a",7],"value":"tuple"}'].sort(),
    );
    expect(await map('scan', '--prefix', 'a', '--json')).toMatchObject({ stdout: '{"key":"a","value":3}\n' });
    expect(await map('delete', 'a')).toMatchObject({ code: 0, stdout: 'true\n' });
    expect(await map('clear')).toMatchObject({ code: 0 });
    expect(await map('size', '--json')).toMatchObject({ code: 0, stdout: '0\n' });
    expect(await ostraca('map', 'get', 'nowhere', 'carts', 'a')).toMatchObject({ code: 4 });
    expect(await ostraca('map', 'get', 'dev', 'nothing', 'a')).toMatchObject({ code: 4 });

    const records = join(folder, 'records.ndjson');
    const wanted = Array.from({ length: 2_500 }, (_, id) => ({ id, name: `n${id}` }));
    writeFileSync(records, wanted.map((record) => JSON.stringify(record)).join('\n'));
    const loaded = await ostraca('load', 'dev', 'sessions', records, '--key', 'id', '--json');
    expect(JSON.parse(loaded.stdout)).toMatchObject({ loaded: 2_500, size: 2_500 });
    expect(await ostraca('map', 'get', 'dev', 'sessions', '7', '--key-type', 'number')).toMatchObject({
      stdout: '{"id":7,"name":"n7"}\n',
    });
    const dump = join(folder, 'dump.ndjson');
    writeFileSync(dump, (await ostraca('dump', 'dev', 'sessions')).stdout);
    expect(readFileSync(dump, 'utf8').trim().split('\n')).toHaveLength(2_500);
    const again = await ostraca('load', 'dev', 'default', dump, '--key', 'key', '--value', 'value');
    expect(again.stdout).toMatch(/^2500 entries loaded in .* a second\); default holds 2500\n$/);
    const table = join(folder, 'table.csv');
    writeFileSync(table, 'id,name\n1,a\n2,b\n');
    expect(await ostraca('load', 'dev', 'carts', table, '--key', 'id')).toMatchObject({ code: 0 });
    expect(await map('get', '2')).toMatchObject({ stdout: '{"id":"2","name":"b"}\n' });
    expect(await ostraca('load', 'dev', 'carts', table, '--key', 'nix')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('table.csv:2: no field nix; there are id, name'),
    });

    for (const view of ['containers', 'placement', 'partitions', 'maps', 'replication', 'clients']) {
      const asTable = await ostraca('show', view);
      expect(asTable, view).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse((await ostraca('show', view, 'dev', '--json')).stdout), view).toBeInstanceOf(Array);
    }
    expect(await ostraca('show', 'placement', 'nowhere')).toMatchObject({ code: 4 });
    expect((await ostraca('show', 'maps')).stdout).toMatch(/^dev\s+sessions\s+2500\s/m);
    expect(await ostraca('verify', 'dev')).toMatchObject({ code: 0, stdout: expect.stringContaining('no difference') });
    expect(await ostraca('verify', 'nowhere')).toMatchObject({ code: 4 });
  });

  test('a killed container is proved dead at once; Ctrl-C ends the others', async () => {
    const dev = await startDev();
    const ostraca = (...args: string[]) => runOstraca(args, { OSTRACA_CATALOG: dev.url });
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) await ostraca('map', 'set', 'dev', 'carts', key, `"${key}"`);
    const [first = 0, ...others] = pidsOf(dev);
    expect(others).toHaveLength(2);
    const killedAtMs = performance.now();
    process.kill(first, 'SIGKILL');
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) {
      expect(await ostraca('map', 'get', 'dev', 'carts', key)).toMatchObject({ stdout: `"${key}"\n` });
    }
    const { containers } = await statusOf(dev.url);
    expect(containers.find(({ name }) => name === 'c1')).toMatchObject({ alive: false, ended: 'provedDead' });
    console.log(`six reads by six programs ended ${Math.round(performance.now() - killedAtMs)} ms after the kill`);
    await until('verify is clean', WITHIN_MS, async () => (await ostraca('verify', 'dev')).code === 0);
    expect(dev.err()).toMatch(/container c1 \(process \d+\) has ended \(SIGKILL\); 2 left/);
    dev.child.kill('SIGINT');
    expect(await dev.exited).toEqual({ code: 0, signal: null });
    expect(others.filter(isRunning)).toEqual([]);
  });

  test('containers do not outlive it', async () => {
    const dev = await startDev('--containers', '2');
    const pids = pidsOf(dev);
    dev.child.kill('SIGKILL');
    await dev.exited;
    await until('no container is left', WITHIN_MS, async () => !pids.some(isRunning));
  });
});

describe('ostraca container --count', () => {
  test('one process and one ready line each, a death is proved, and SIGTERM lets all of them leave', async () => {
    const catalog = await startCatalog();
    const web = start('container', '--catalog', catalog.url, '--count', '3', '--name', 'web');
    for (const name of ['web-1', 'web-2', 'web-3']) {
      await web.line(new RegExp(`^ostraca container ${name} ready ws://127\\.0\\.0\\.1:\\d+$`));
    }
    await until('all are placed', WITHIN_MS, async () =>
      (await statusOf(catalog.url)).partitions.every(({ config }) => config?.sync.length === 2),
    );
    const victim = await childOf(web.child.pid ?? 0);
    process.kill(victim, 'SIGKILL');
    await until('its death is proved', WITHIN_MS, async () =>
      (await statusOf(catalog.url)).containers.some(({ ended }) => ended === 'provedDead'),
    );
    web.child.kill('SIGTERM');
    expect(await web.exited).toEqual({ code: 0, signal: null });
    const ends = (await statusOf(catalog.url)).containers.map(({ ended }) => ended).sort();
    expect(ends).toEqual(['left', 'left', 'provedDead']);
  });
});

describe('what cannot start', () => {
  test('says why in one line, with its exit code', async () => {
    const data = join(folder, 'data');
    const catalog = await startCatalog('--data', data);
    const policy = join(folder, 'policy.json');
    const taken = catalog.url.replace('ws://', '');
    const refusals: readonly (readonly [args: readonly string[], code: number, says: RegExp])[] = [
      [['catalog', '--policy', policy, '--listen', taken], 2, /port \d+ on 127\.0\.0\.1 is taken/],
      [['dev', '--listen', taken], 2, /port \d+ on 127\.0\.0\.1 is taken/],
      [['catalog', '--policy', policy, '--listen', '127.0.0.1:0', '--data', data], 2, /held by another catalog/],
      [['catalog', '--policy', policy, '--listen', '0.0.0.0:0'], 2, /off the loopback.*--insecure/],
      [['container', '--catalog', 'ws://127.0.0.1:1'], 3, /no catalog can be reached: ws:\/\/127\.0\.0\.1:1/],
    ];
    for (const [args, code, says] of refusals) await expectRefused(args, code, says);

    const first = start('container', '--catalog', catalog.url, '--name', 'c1');
    await first.line(/^ostraca container c1 ready/);
    await expectRefused(['container', '--catalog', catalog.url, '--name', 'c1'], 4, /name_in_use/);

    catalog.child.kill('SIGTERM');
    expect(await catalog.exited).toEqual({ code: 0, signal: null });
    const other = join(folder, 'other.json');
    writeFileSync(other, policyOf({ numberOfPartitions: 5 }));
    const again = ['catalog', '--listen', '127.0.0.1:0', '--data', data, '--policy'];
    await expectRefused([...again, other], 2, /numberOfPartitions: 3 in the journal, 5 in the policy/);
    const journal = join(data, 'catalog.journal');
    const bytes = readFileSync(journal);
    bytes.fill(0x5a, 4, 24);
    writeFileSync(journal, bytes);
    await expectRefused([...again, policy], 2, /journal/);
  });
});

async function expectRefused(args: readonly string[], code: number, says: RegExp): Promise<void> {
  const { code: got, stdout, stderr } = await runOstraca(args);
  // A container says other things before; what ended it is the last line.
  const last = stderr.trim().split('\n').at(-1) ?? '';
  expect({ args, got, stdout, last }).toEqual({ args, got: code, stdout: '', last: expect.stringMatching(says) });
  expect(last).toMatch(/^ostraca: /);
  expect(stderr).not.toMatch(/^\s+at /m);
}

/** Any child process of this one. */
async function childOf(parent: number): Promise<number> {
  const [first] = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ');
  return Number(first);
}
