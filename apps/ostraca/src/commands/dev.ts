/** `ostraca dev`: a whole grid of one command, for development: the catalog here, containers as processes. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Policy } from '@ostraca/core';
import { defaultMemory, type RunningCatalog, readPolicy, startCatalog } from '@ostraca/server';
import type { Command } from 'commander';
import { BUILT_IN_GRID, BUILT_IN_MAPS, builtInPolicy, inDevelopmentMode } from '../built-in-policy.ts';
import { listenForEnding } from '../ending.ts';
import { CommandError, EXIT, usageError } from '../exit-code.ts';
import { DEFAULT_LISTEN, parseCount, parseListen } from '../options.ts';
import { programLog } from '../program-log.ts';
import { fetchCatalog } from '../status-of.ts';
import { Supervisor } from '../supervisor.ts';
import { line, type Terminal } from '../terminal.ts';
import { openTool } from '../tool.ts';
import { verifyGrid } from '../verify-grid.ts';

interface DevOptions {
  readonly policy?: string;
  readonly containers: number;
  readonly listen: string;
  readonly insecure?: boolean;
}

const READY_WITHIN_MS = 60_000;
const END_WITHIN_MS = 3_000;
const DEV_LOG_LEVEL = 'warn';

export function addDevCommand(program: Command, terminal: Terminal): void {
  program
    .command('dev')
    .description('run a whole grid: a catalog and containers, all on this machine; Ctrl-C ends all')
    .option('--policy <file>', `the policy (default: grid ${BUILT_IN_GRID} with maps ${BUILT_IN_MAPS.join(', ')})`)
    .option('--containers <n>', 'how many containers', parseCount, 3)
    .option('--listen <host:port>', 'where the catalog listens', parseListen, DEFAULT_LISTEN)
    .option('--insecure', 'listen off the loopback although there are no users and no TLS')
    .action((options: DevOptions) => run(options, terminal));
}

async function run(options: DevOptions, terminal: Terminal): Promise<void> {
  const policy = policyOf(options, terminal);
  const ending = listenForEnding();
  // People read along: what goes as planned is not worth a line.
  const log = programLog(terminal, DEV_LOG_LEVEL);
  const catalog = await startCatalog({
    policy,
    listen: options.listen,
    insecure: options.insecure ?? false,
    logger: log,
  });
  const supervisor = new Supervisor({
    catalogs: [catalog.url],
    onDeath: ({ name, pid }, { code, signal }) => {
      const how = signal === null ? `exit code ${code}` : signal;
      terminal.err(
        `ostraca: container ${name} (process ${pid}) has ended (${how}); ${supervisor.runningCount()} left\n`,
      );
    },
  });
  try {
    await Promise.race([start({ options, policy, catalog, supervisor, terminal }), ending.asked]);
    await ending.asked;
  } finally {
    void ending.demanded.then(() => process.exit(EXIT.done));
    await supervisor.end({ type: 'end' }, END_WITHIN_MS);
    await catalog.close();
  }
}

interface DevParts {
  readonly options: DevOptions;
  readonly policy: Policy;
  readonly catalog: RunningCatalog;
  readonly supervisor: Supervisor;
  readonly terminal: Terminal;
}

async function start({ options, policy, catalog, supervisor, terminal }: DevParts): Promise<void> {
  const containerHost = options.listen.replace(/:\d+$/, '');
  for (let index = 1; index <= options.containers; index++) {
    const args = [
      '--catalog',
      catalog.url,
      '--listen',
      `${containerHost}:0`,
      '--memory',
      defaultMemory(options.containers),
    ];
    if (options.insecure === true) args.push('--insecure');
    supervisor.start({ name: `c${index}`, args, env: { OSTRACA_LOG: terminal.env.OSTRACA_LOG ?? DEV_LOG_LEVEL } });
  }
  const urls = await Promise.all(supervisor.containers.map(({ ready }) => ready));
  const lost = supervisor.containers.filter((_, index) => urls[index] === undefined);
  if (lost.length > 0) {
    throw new CommandError(EXIT.usage, `container ${lost.map(({ name }) => name).join(', ')} did not start`);
  }
  await allPartitionsTakeWrites(policy, catalog.url);
  for (const { name, mapSets } of policy.grids) {
    const maps = mapSets.flatMap((mapSet) => mapSet.maps.map((map) => map.name));
    line(terminal, `grid ${name}, maps ${maps.join(', ')}`);
  }
  for (const { name, pid } of supervisor.containers) line(terminal, `container ${name} is process ${pid}`);
  line(terminal, `ostraca dev ready ${catalog.url}`);
}

function policyOf(options: DevOptions, terminal: Terminal): Policy {
  const policy = options.policy === undefined ? builtInPolicy(options.containers) : readPolicy(options.policy);
  for (const [gridIndex, grid] of policy.grids.entries()) {
    for (const [mapSetIndex, { numInitialContainers }] of grid.mapSets.entries()) {
      if (numInitialContainers <= options.containers) continue;
      const path = `grids[${gridIndex}].mapSets[${mapSetIndex}].numInitialContainers`;
      throw usageError(
        `${path} waits for ${numInitialContainers} containers: say --containers ${numInitialContainers}`,
      );
    }
  }
  terminal.err('ostraca: developmentMode is true: primary and replica share this machine\n');
  return inDevelopmentMode(policy);
}

/** A digest record is decided like any write, and leaves nothing behind in a map. */
async function allPartitionsTakeWrites(policy: Policy, url: string): Promise<void> {
  const tool = openTool('dev');
  try {
    const endMs = performance.now() + READY_WITHIN_MS;
    for (const { name: grid } of policy.grids) {
      const timeoutMs = Math.max(1, endMs - performance.now());
      const asked = verifyGrid({ tool, catalogs: [url], grid, timeoutMs });
      const stopped = new AbortController();
      const refused = unplaceable(url, grid, stopped.signal);
      const answers = await Promise.race([asked, refused]).finally(() => stopped.abort());
      const without = answers.filter(({ failure }) => failure !== '');
      if (without.length === 0) continue;
      const [first] = without;
      throw new CommandError(
        EXIT.unreachable,
        `${without.length} partitions of ${grid} take no writes, the first of them: ${first?.failure}`,
      );
    }
  } finally {
    await tool.close();
  }
}

const LOOK_EVERY_MS = 250;

/** Rejects as soon as the catalog has found that the grid cannot be placed. */
async function unplaceable(url: string, grid: string, signal: AbortSignal): Promise<never> {
  for (;;) {
    try {
      await pause(LOOK_EVERY_MS, undefined, { signal });
    } catch {
      return new Promise(() => {});
    }
    const { status } = await fetchCatalog([url], 5_000);
    const reason = status.unplaceable.find((one) => one.grid === grid);
    if (reason !== undefined) {
      throw new CommandError(EXIT.unreachable, `${grid}/${reason.mapSet} cannot be placed: ${reason.reason}`);
    }
  }
}
