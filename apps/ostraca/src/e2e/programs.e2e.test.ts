/** Programs as people write them, each a process of its own, against `ostraca dev`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connect } from '@ostraca/client';
import { startCatalog, startContainer } from '@ostraca/server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runOstraca, until } from './grid-processes.test-lib.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const NODE24 = join(ROOT, 'node_modules/node24/bin/node');
const POLICY = {
  grids: [{ name: 'demo', mapSets: [{ name: 'main', numberOfPartitions: 3, maps: [{ name: 'cities' }] }] }],
};
const WITHIN_MS = 30_000;

const folder = mkdtempSync(join(tmpdir(), 'ostraca-programs-'));
let dev: { readonly child: ChildProcess; readonly url: string };

beforeAll(async () => {
  const policy = join(folder, 'policy.json');
  writeFileSync(policy, JSON.stringify(POLICY));
  dev = await startDev(policy);
  const city = { cityId: 264371, name: 'Athens' };
  const cities = join(folder, 'cities.ndjson');
  writeFileSync(cities, JSON.stringify(city));
  await runOstraca(['load', 'demo', 'cities', cities, '--key', 'cityId'], { OSTRACA_CATALOG: dev.url });
});

afterAll(async () => {
  await end(dev.child);
  rmSync(folder, { recursive: true, force: true });
});

async function startDev(policy: string): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const args = ['dev', '--listen', '127.0.0.1:0', '--containers', '2', '--policy', policy];
  const program = fileURLToPath(new URL('../../bin/ostraca.js', import.meta.url));
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  for await (const text of createInterface({ input: child.stdout })) {
    const url = /^ostraca dev ready (\S+)$/.exec(text)?.[1];
    if (url !== undefined) return { child, url };
  }
  throw new Error('ostraca dev ended');
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

interface Program {
  readonly child: ChildProcess;
  out(): string;
  err(): string;
  readonly exited: Promise<number | null>;
}

/** A module whose imports resolve as those of a file in the root of the repository. */
function run(source: string, node: string = process.execPath): Program {
  const text = source.replaceAll('ws://127.0.0.1:7400', dev.url);
  const child = spawn(node, ['--input-type=module', '--eval', text], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    err += String(chunk);
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  return { child, out: () => out, err: () => err, exited };
}

test('the program of the README, as it is written there', async () => {
  const source = /```js\n(.*?)```/s.exec(readFileSync(join(ROOT, 'README.md'), 'utf8'))?.[1] ?? '';
  const program = run(source);
  expect({ code: await program.exited, err: program.err() }).toEqual({ code: 0, err: '' });
  expect(program.out()).toMatch(/name: 'Athens',\s+visited: \d{4}-.*\} 1\n$/s);
});

test('the programs of the guide to transactions print what it says, by its policy', async () => {
  const guide = readFileSync(join(ROOT, 'docs/guides/transactions.md'), 'utf8');
  const policy = join(folder, 'guide.yaml');
  writeFileSync(policy, /```yaml\n(.*?)```/s.exec(guide)?.[1] ?? '');
  const other = await startDev(policy);
  const programs = [...guide.matchAll(/```js\n(.*?)```\n\n```text\n(.*?)```/gs)];
  expect(programs).toHaveLength(3);
  for (const [, source = '', printed] of programs) {
    const program = run(source.replaceAll('ws://127.0.0.1:7400', other.url));
    expect({ code: await program.exited, err: program.err(), out: program.out() }).toEqual({
      code: 0,
      err: '',
      out: printed,
    });
  }
  await end(other.child);
});

test.skipIf(!existsSync(NODE24))('await using on Node.js 24', async () => {
  const program = run(
    `import { connect } from '@ostraca/client';
    await using grid = await connect({ catalogs: ['ws://127.0.0.1:7400'], grid: 'demo' });
    console.log(process.version, (await grid.map('cities').get(264371)).name);`,
    NODE24,
  );
  expect({ code: await program.exited, err: program.err() }).toEqual({ code: 0, err: '' });
  expect(program.out()).toMatch(/^v24\.\S+ Athens\n$/);
});

test('a program that forgets close() runs on, at rest', async () => {
  const program = run(
    `import { connect } from '@ostraca/client';
    const grid = await connect({ catalogs: ['ws://127.0.0.1:7400'], grid: 'demo' });
    await grid.map('cities').has(1);
    const before = process.cpuUsage();
    setTimeout(() => {
      const { user, system } = process.cpuUsage(before);
      console.log((user + system) / 1_000);
    }, 1_000);`,
  );
  await until('it says its processor time', WITHIN_MS, async () => program.out() !== '');
  console.log(`an idle client used ${program.out().trim()} ms of the processor in a second`);
  expect(Number(program.out())).toBeLessThan(150);
  // Its timer is gone, so what holds it are the connections.
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(program.child.exitCode).toBeNull();
  program.child.kill('SIGKILL');
  await program.exited;
});

test('nobody there: connect waits out its time, then the program ends', async () => {
  const program = run(
    `import { connect } from '@ostraca/client';
    await connect({ catalogs: ['ws://127.0.0.1:1', 'ws://127.0.0.1:2'], grid: 'demo', connectTimeoutMs: 500 }).catch(
      ({ code, details }) => console.log(code, JSON.stringify(details.endpoints)),
    );`,
  );
  expect({ code: await program.exited, err: program.err() }).toEqual({ code: 0, err: '' });
  expect(program.out()).toMatch(
    /^unavailable .*"ws:\/\/127\.0\.0\.1:1","reason":".+"ws:\/\/127\.0\.0\.1:2","reason":".+"/,
  );
});

test('the whole grid dies under a program: its calls end by their deadline, and then the program', async () => {
  const policy = join(folder, 'policy.json');
  const other = await startDev(policy);
  const program = run(
    `import { connect } from '@ostraca/client';
    const grid = await connect({ catalogs: ['${other.url}'], grid: 'demo', operationTimeoutMs: 1_500 });
    const cities = grid.map('cities');
    await cities.set(1, 1);
    console.log('connected');
    for (;;) {
      const failure = await cities.get(1).then(() => undefined, (error) => error);
      if (failure === undefined) continue;
      console.log(failure.code, failure.outcome);
      break;
    }`,
  );
  await until('it is connected', WITHIN_MS, async () => program.out() !== '' || program.child.exitCode !== null);
  other.child.kill('SIGKILL');
  expect({ code: await program.exited, err: program.err() }).toEqual({ code: 0, err: '' });
  expect(program.out()).toMatch(/^connected\n(unavailable|timeout) not_applied\n$/);
});

test('catalog and containers inside of an application: a write waits for the first placement', async () => {
  const [mapSet] = POLICY.grids[0]?.mapSets ?? [];
  const policy = { grids: [{ name: 'demo', mapSets: [{ ...mapSet, developmentMode: true }] }] };
  const logger = silentLog();
  const catalog = await startCatalog({ policy, listen: '127.0.0.1:0', dataDir: join(folder, 'data'), logger });
  const grid = await connect({ catalogs: [catalog.url], grid: 'demo' });
  const written = grid.map<number, string>('cities').set(1, 'first');
  const c1 = await startContainer({ catalogs: [catalog.url], name: 'c1', logger });
  const c2 = await startContainer({ catalogs: [catalog.url], logger });
  expect(c1.name).toBe('c1');
  expect(await written).toMatch(/^\d+\.\d+$/);
  await c1.drain();
  expect(await grid.map('cities').get(1)).toBe('first');
  await grid.close();
  await c2.close();
  await catalog.close();
});

function silentLog() {
  const nothing = (): void => {};
  return { info: nothing, warn: nothing, error: nothing, debug: nothing };
}
