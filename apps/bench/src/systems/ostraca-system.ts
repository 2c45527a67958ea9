/** Ostraca as an operator starts it: a catalog and containers as processes, by the command line. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CatalogStatus } from '@ostraca/core';
import { type Children, untilLine } from '../children.ts';
import { MAP_NAME } from '../driver/task.ts';
import { type ProfileOptions, profilingOf } from '../profiling/profiling.ts';
import type { System } from './system.ts';

const GRID = 'bench';
const SETTLED_MS = 60_000;

export interface OstracaOptions {
  readonly containers: number;
  readonly replicas: number;
  readonly partitions: number;
  /** The `ostraca` program; undefined: that of this workspace. */
  readonly program: string | undefined;
  readonly profile: ProfileOptions;
}

export interface OstracaSystem extends System {
  readonly catalogUrl: string;
}

export async function startOstraca(children: Children, options: OstracaOptions): Promise<OstracaSystem> {
  const { containers, replicas, profile } = options;
  const program = options.program ?? findProgram();
  const folder = mkdtempSync(join(tmpdir(), 'ostraca-bench-'));
  try {
    const policyFile = join(folder, 'policy.json');
    writeFileSync(policyFile, JSON.stringify(policyOf(options)));
    const args = ['catalog', '--policy', policyFile, '--listen', '127.0.0.1:0'];
    const catalog = children.start('catalog', { args: [program, ...args] });
    const [, catalogUrl = ''] = await untilLine(catalog, /^ostraca catalog ready (\S+)$/);
    const servers: Record<string, number> = {};
    const urls: string[] = [];
    for (let index = 1; index <= containers; index++) {
      const { nodeArgs, env } = profilingOf(profile, `ostraca-${replicas}-c${index}`);
      const containerArgs = [...nodeArgs, program, 'container', '--catalog', catalogUrl, '--name', `c${index}`];
      const container = children.start(`container c${index}`, { args: containerArgs, env });
      const [, url = ''] = await untilLine(container, /^ostraca container \S+ ready (\S+)$/);
      servers[`c${index}`] = container.pid;
      urls.push(url);
    }
    await untilSettled(catalogUrl, replicas + 1);
    const system: OstracaSystem = {
      name: replicas === 0 ? 'ostraca' : `ostraca, ${replicas} replica`,
      servers,
      replicas,
      catalogUrl,
      profiled: Object.keys(servers),
      endpoints: () => [
        {
          name: 'ostraca',
          family: 'ostraca',
          wait: 'none',
          endpoint: { kind: 'ostraca', url: catalogUrl, grid: GRID },
          system,
        },
      ],
    };
    return system;
  } finally {
    // All have read what they need.
    rmSync(folder, { recursive: true, force: true });
  }
}

function policyOf({ containers, replicas, partitions }: OstracaOptions): object {
  const mapSet = {
    name: 'main',
    numberOfPartitions: partitions,
    minSyncReplicas: replicas,
    maxSyncReplicas: replicas,
    numInitialContainers: containers,
    developmentMode: true,
    maps: [{ name: MAP_NAME }],
  };
  return { grids: [{ name: GRID, mapSets: [mapSet] }] };
}

/** The program of this workspace, seen from wherever this one is built. */
function findProgram(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const program = join(folder, 'apps', 'ostraca', 'bin', 'ostraca.js');
    if (existsSync(program)) return program;
  }
  throw new Error('apps/ostraca/bin/ostraca.js is not there: say where the program is with --program');
}

async function untilSettled(catalogUrl: string, copies: number): Promise<void> {
  const url = `${catalogUrl.replace(/^ws/, 'http')}/api/status`;
  const startMs = performance.now();
  for (;;) {
    const status = (await (await fetch(url)).json()) as CatalogStatus;
    const { partitions } = status;
    if (partitions.length > 0 && partitions.every(({ config }) => config?.sync.length === copies)) return;
    if (performance.now() - startMs > SETTLED_MS)
      throw new Error(`not every partition has ${copies} copies after 60 s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
