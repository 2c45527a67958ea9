// Goal: the benchmark runs from end to end, measures everybody that it promises to, and leaves nothing behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { findRespServer } from './systems/resp-system.ts';

const PROGRAM = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ostraca-bench-test-'));
const SHORT = ['--inflight', '8', '--seconds', '0.5', '--warm-up', '0.2', '--rounds', '1', '--keys', '1000'];

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  errors(): string;
  /** Of the servers, as it names them when they are up. */
  pids(): number[];
}

function start(args: readonly string[]): Run {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr?.on('data', (bytes) => {
    errors += String(bytes);
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  const pids = (): number[] =>
    [...errors.matchAll(/up: .*\(([\d, ]+)\)/g)].flatMap(([, list = '']) => list.split(', ').map(Number));
  return { child, ended, errors: () => errors, pids };
}

/** A process that has ended may stay in the table for as long as nobody asks how. */
function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

interface Report {
  readonly cells: readonly {
    readonly row: string;
    readonly contender: string;
    readonly summary: { readonly operationsPerSecond: number; readonly latency: { readonly p50: number } };
  }[];
  readonly trials: Readonly<Record<string, { readonly figures: readonly { readonly measured: number }[] }>>;
  readonly goals: readonly { readonly text: string; readonly verdict: string }[];
}

test('a few rows, with a report', async () => {
  const rows = ['get', 'set-sync', 'transactions', 'checkpoint'];
  const run = start(['--only', rows.join(','), '--entries', '2000', ...SHORT, '--out', folder]);
  expect(await run.ended, run.errors()).toBe(0);
  const report = JSON.parse(readFileSync(join(folder, 'bench.json'), 'utf8')) as Report;
  const measured = report.cells.map(({ row, contender }) => `${row} ${contender}`);
  expect(measured).toEqual(expect.arrayContaining(['get floor', 'get ostraca', 'set-sync floor', 'set-sync ostraca']));
  expect(measured).toEqual(expect.arrayContaining(['transactions ostraca', 'transactions ostraca, PESSIMISTIC']));
  expect(measured).not.toContain('get ostraca, PESSIMISTIC');
  if (findRespServer() === undefined) expect(run.errors()).toContain('no RESP server');
  else {
    expect(measured).toEqual(
      expect.arrayContaining([
        'get ioredis',
        'transactions ioredis',
        'set-sync ioredis, WAIT for the group',
        'set-sync iovalkey, WAIT after each',
      ]),
    );
  }
  for (const { summary, row, contender } of report.cells) {
    expect(summary.operationsPerSecond, `${row} ${contender}`).toBeGreaterThan(0);
    expect(summary.latency.p50, `${row} ${contender}`).toBeGreaterThan(0);
  }
  expect(report.trials.checkpoint?.figures[0]?.measured).toBeGreaterThan(0);
  expect(readFileSync(join(folder, 'bench.md'), 'utf8')).toContain('## set-sync');
  await expect.poll(() => run.pids().filter(isAlive)).toEqual([]);
});

test('an interrupt ends everything that it started', async () => {
  const run = start(['--only', 'get', '--systems', 'ostraca,floor', '--seconds', '600']);
  await new Promise<void>((resolve, reject) => {
    run.child.stderr?.on('data', () => {
      if (run.errors().includes('loaded: ostraca')) resolve();
    });
    void run.ended.then((code) => reject(new Error(`it ended with ${code}: ${run.errors()}`)));
  });
  const pids = run.pids();
  expect(pids.length).toBe(2);
  expect(pids.every(isAlive)).toBe(true);
  run.child.kill('SIGINT');
  expect(await run.ended).toBe(130);
  await expect.poll(() => pids.filter(isAlive)).toEqual([]);
});

test('profiles are written for client and servers', async () => {
  const profiles = join(folder, 'profiles');
  const run = start(['--only', 'get', '--systems', 'ostraca', ...SHORT, '--profile', profiles]);
  expect(await run.ended, run.errors()).toBe(0);
  for (const name of ['client-of-ostraca.get.8.1', 'ostraca-0-c1-of-ostraca.get.8.1']) {
    expect(existsSync(join(profiles, `${name}.cpuprofile`)), name).toBe(true);
  }
});

test.each([
  [['--only', 'gett'], 'no row gett'],
  [['--systems', 'oracle'], 'no system oracle'],
  [['--seconds', 'long'], 'a number over 0'],
  [['--peers', 'redis://127.0.0.1:1', '--only', 'get', '--systems', 'resp'], 'does not answer'],
])('%j is refused in words', async (args, words) => {
  const run = start(args);
  expect(await run.ended).toBe(1);
  expect(run.errors()).toContain(words);
});
