import { fileURLToPath } from 'node:url';
import { type Child, type Children, untilLine } from '../children.ts';
import { type ProfileOptions, profilingOf } from '../profiling/profiling.ts';
import type { System } from './system.ts';

const SERVER = fileURLToPath(new URL('../floor/server.js', import.meta.url));

export async function startFloor(children: Children, replicas: 0 | 1, profile: ProfileOptions): Promise<System> {
  const started: Child[] = [];
  const profiled: Record<string, number> = {};
  const start = async (part: string, args: readonly string[]): Promise<{ child: Child; url: string }> => {
    const prefix = `floor-${replicas}-${part}`;
    const { nodeArgs, env } = profilingOf(profile, prefix);
    const child = children.start(`floor ${part}`, { args: [...nodeArgs, SERVER, ...args], env });
    profiled[prefix] = child.pid;
    started.push(child);
    const [, url = ''] = await untilLine(child, /^floor ready (\S+)$/);
    return { child, url };
  };
  const replica = replicas === 1 ? await start('replica', []) : undefined;
  const primary = await start('primary', replica === undefined ? [] : ['--replica', replica.url]);
  const servers: Record<string, number> = { primary: primary.child.pid };
  if (replica !== undefined) servers.replica = replica.child.pid;
  const system: System = {
    name: replicas === 0 ? 'floor' : 'floor, 1 replica',
    servers,
    replicas,
    isOneSided: false,
    isPeer: false,
    profiled,
    end: async () => {
      for (const child of started) await children.end(child);
    },
    endpoints: () => [
      { name: 'floor', family: 'floor', wait: 'none', endpoint: { kind: 'floor', url: primary.url }, system },
    ],
  };
  return system;
}
