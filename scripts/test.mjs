#!/usr/bin/env node
/**
 * `npm test`, and so CI: the checks, the unit tests on the Node.js at hand and on Node.js 24, the simulator, and the
 * end-to-end tests alone. Every stage runs, also after a failure. Names of stages as arguments run only these:
 * `node scripts/test.mjs unit e2e`. SIM_SEEDS says how many seeds the simulator takes.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { checkStages } from './check.mjs';
import { conclude, root, runCommand, runVitest } from './stage.mjs';

const NEWER_NODE_MAJOR = 24;
const newerNode = join(root, 'node_modules', 'node24', 'bin', 'node');
const simulator = join(root, 'packages', 'testing', 'dist', 'simulator', 'cli.js');
/** A fixed small set here, so that a red run is red again; `npm run sim` draws fresh seeds. */
const FIRST_SEED = '1';
const simulatorSeeds = process.env.SIM_SEEDS ?? '200';

// The checks have run scripts/ already, and its outcome does not depend on the version of Node.js.
const unitArgs = ['--exclude', 'scripts/**'];

const STAGES = {
  check: checkStages,
  unit: () => [runVitest(`unit, Node ${process.versions.node}`, { args: unitArgs })],
  node24: unitOnNewerNode,
  sim: simulate,
  e2e: () => {
    providePromtool();
    return [runVitest('end to end', { args: ['--config', 'vitest.e2e.config.ts'] })];
  },
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in STAGES));
if (unknown.length > 0) {
  process.stderr.write(`test: no stage ${unknown.join(', ')}; there are ${Object.keys(STAGES).join(', ')}\n`);
  process.exit(2);
}
const results = [];
for (const [name, run] of Object.entries(STAGES)) {
  if (wanted.length === 0 || wanted.includes(name)) results.push(...run());
}
process.exit(conclude(results));

function unitOnNewerNode() {
  if (Number(process.versions.node.split('.')[0]) >= NEWER_NODE_MAJOR) {
    say(`unit tests on Node ${NEWER_NODE_MAJOR}: not run again, this is Node ${process.versions.node} already`);
    return [];
  }
  const { stdout } = spawnSync(newerNode, ['--version'], { encoding: 'utf8' });
  return [runVitest(`unit, Node ${stdout?.trim().slice(1) ?? NEWER_NODE_MAJOR}`, { node: newerNode, args: unitArgs })];
}

function simulate() {
  return [
    runCommand(`simulator, ${simulatorSeeds} seeds`, process.execPath, [
      simulator,
      '--seed',
      FIRST_SEED,
      '--seeds',
      simulatorSeeds,
    ]),
  ];
}

/** The tests of /metrics ask promtool. A CI machine is Debian and ours alone, so there we may install it. */
function providePromtool() {
  if (has('promtool')) return;
  const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
  if (isRoot && has('apt-get')) {
    say('promtool: not there; installing the Debian package prometheus ...');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'prometheus']]) {
      if (spawnSync('apt-get', args, { env, stdio: 'ignore' }).status !== 0) break;
    }
  }
  if (!has('promtool')) say('promtool: not there (Debian package prometheus), so the tests that need it are skipped');
}

function has(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
}

function say(line) {
  process.stdout.write(`\n${line}\n`);
}
