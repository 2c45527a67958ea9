#!/usr/bin/env node
/**
 * `npm run setup`: installs the dependencies and builds every package. Needs Node.js and npm, nothing else, and
 * reaches nothing but the npm registry. Both halves do nothing when nothing changed: the installation is known by a
 * hash over the lock file and the manifests, the build by turbo's cache.
 *
 * `--quiet` prints only when there is work, or a failure.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isSupportedNode, OLDEST_NODE } from './node-version.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const stampFile = join(root, 'node_modules', '.ostraca-setup');
const quiet = process.argv.includes('--quiet');
const TAIL_LINES = 60;

if (!isSupportedNode(process.version)) {
  fail(`Ostraca needs Node.js ${OLDEST_NODE} or newer; this is ${process.version} (${process.execPath}).`);
}
const started = Date.now();
const pnpm = `pnpm@${readJson('package.json').packageManager.split('@')[1]}`;
const installed = install();
removeNodeBinary();
const built = build(installed.pnpmDirectory);
linkProgram();
warnWithoutFlock();
if (!quiet || installed.worked || built) {
  const parts = [installed.worked ? 'installed' : 'dependencies unchanged', built ? 'built' : 'build unchanged'];
  say(`setup: ${parts.join(', ')} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
}

/** Installs unless the stamp says that these very manifests are installed. */
function install() {
  const hash = hashOfManifests();
  const stamp = readStamp();
  if (stamp.hash === hash && existsSync(join(stamp.pnpmDirectory, 'pnpm'))) {
    return { worked: false, pnpmDirectory: stamp.pnpmDirectory };
  }
  if (stamp.hash !== hash) {
    say(`setup: installing dependencies with ${pnpm} ...`);
    rmSync(stampFile, { force: true });
    run('installing the dependencies', 'npx', ['--yes', pnpm, 'install', '--frozen-lockfile'], {
      // Never asks: without a terminal a question would be an endless wait.
      CI: '1',
    });
  }
  const pnpmDirectory = directoryOfPnpm();
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, `${JSON.stringify({ hash, pnpmDirectory })}\n`);
  return { worked: stamp.hash !== hash, pnpmDirectory };
}

/** turbo starts `pnpm` by name, so the one that npx keeps must be on its PATH. */
function directoryOfPnpm() {
  const { stdout } = run('looking for pnpm', 'npx', ['--yes', '--package', pnpm, '--call', 'command -v pnpm']);
  return dirname(stdout.trim().split('\n').at(-1));
}

/** @returns whether anything was built. */
function build(pnpmDirectory) {
  const turbo = join(root, 'node_modules', '.bin', 'turbo');
  const { stdout } = run('building', turbo, ['run', 'build', '--output-logs=errors-only', '--ui=stream'], {
    PATH: `${pnpmDirectory}${delimiter}${process.env.PATH}`,
    TURBO_TELEMETRY_DISABLED: '1',
    TURBO_NO_UPDATE_NOTIFIER: '1',
    DO_NOT_TRACK: '1',
  });
  const counts = /Cached:\s+(\d+) cached, (\d+) total/.exec(stdout);
  return counts === null || counts[1] !== counts[2];
}

/**
 * The npm package `node` puts a newer Node.js first on the PATH of every npm script. We call it by its own path,
 * for the second run of the tests, and keep the Node.js that the user chose for everything else.
 */
function removeNodeBinary() {
  for (const name of ['node', 'node.cmd', 'node.ps1']) {
    rmSync(join(root, 'node_modules', '.bin', name), { force: true });
  }
}

/** pnpm leaves out a program whose file was not built yet when it installed. */
function linkProgram() {
  const target = readJson('apps/ostraca/package.json').bin?.ostraca;
  const link = join(root, 'node_modules', '.bin', 'ostraca');
  if (target === undefined || existsSync(link)) return;
  const program = join(root, 'apps', 'ostraca', target);
  if (!existsSync(program)) return;
  chmodSync(program, 0o755);
  rmSync(link, { force: true });
  symlinkSync(relative(dirname(link), program), link);
}

/** The catalog's journal is held by a kernel lock, which Node.js cannot take by itself. */
function warnWithoutFlock() {
  if (spawnSync('flock', ['--version'], { stdio: 'ignore' }).error === undefined) return;
  process.stderr.write(
    'setup: there is no `flock` on the PATH (package util-linux): a catalog with --data will not start.\n',
  );
}

function hashOfManifests() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`);
  const files = ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json'];
  for (const group of ['packages', 'apps']) {
    for (const name of readdirSync(join(root, group)).sort()) files.push(join(group, name, 'package.json'));
  }
  for (const file of files) {
    const path = join(root, file);
    if (existsSync(path)) hash.update(`${file}\n`).update(readFileSync(path));
  }
  return hash.digest('hex');
}

function readStamp() {
  try {
    const stamp = JSON.parse(readFileSync(stampFile, 'utf8'));
    return { hash: String(stamp.hash), pnpmDirectory: String(stamp.pnpmDirectory) };
  } catch {
    return { hash: '', pnpmDirectory: '' };
  }
}

/** Runs to the end, silently; a failure ends the set-up with the tail of what was printed. */
function run(what, command, args, env = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 256 * 1024 * 1024,
    shell: process.platform === 'win32',
  });
  if (result.error !== undefined) fail(`setup: ${what} failed: ${result.error.message}`);
  if (result.status !== 0) {
    const lines = `${result.stdout}\n${result.stderr}`.trimEnd().split('\n');
    const how = result.status === null ? `signal ${result.signal}` : `exit code ${result.status}`;
    fail(`${lines.slice(-TAIL_LINES).join('\n')}\n\nsetup: ${what} failed (${how}): ${command} ${args.join(' ')}`);
  }
  return result;
}

function readJson(file) {
  return JSON.parse(readFileSync(join(root, file), 'utf8'));
}

function say(line) {
  process.stdout.write(`${line}\n`);
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
