/** RESP servers: given ones, or a `redis-server` of this machine without persistence. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Child, Children } from '../children.ts';
import type { Wait } from '../driver/task.ts';
import type { Contender, System } from './system.ts';

const READY_MS = 20_000;
const LIBRARIES = ['ioredis', 'iovalkey'] as const;

/** The first that is installed. */
export function findRespServer(): string | undefined {
  return ['valkey-server', 'redis-server'].find((name) => spawnSync(name, ['--version']).status === 0);
}

/** Starts one, or a primary with a replica. */
export async function startResp(children: Children, program: string, replicas: 0 | 1): Promise<System> {
  const folder = mkdtempSync(join(tmpdir(), 'ostraca-bench-resp-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const started: Child[] = [];
  const start = async (part: string, more: readonly string[]): Promise<{ child: Child; port: number }> => {
    const port = await freePort();
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--dbfilename', `${part}.rdb`];
    args.push('--save', '', '--appendonly', 'no', '--repl-diskless-sync-delay', '0', ...more);
    const child = children.start(`${program} ${part}`, { program, args });
    started.push(child);
    await untilTrue(`${program} ${part} answers`, child, async () => (await infoOf(port)).get('loading') === '0');
    return { child, port };
  };
  const primary = await start('primary', []);
  const servers: Record<string, number> = { primary: primary.child.pid };
  if (replicas === 1) {
    const replica = await start('replica', ['--replicaof', '127.0.0.1', String(primary.port)]);
    servers.replica = replica.child.pid;
    await untilTrue('the replica follows', replica.child, async () => {
      return (await infoOf(replica.port)).get('master_link_status') === 'up';
    });
  }
  const end = async (): Promise<void> => {
    for (const child of started) await children.end(child);
  };
  return describe({ url: `redis://127.0.0.1:${primary.port}`, servers, replicas, isPeer: false, end });
}

/** One that somebody else runs. @throws it does not answer, naming it. */
export async function visitResp(url: string): Promise<System> {
  const facts = await infoOf(url).catch((error) => {
    throw new Error(`--peers: ${url} does not answer: ${error instanceof Error ? error.message : String(error)}`);
  });
  const pid = Number(facts.get('process_id'));
  const servers: Record<string, number> = isRespProcess(pid) ? { primary: pid } : {};
  const replicas = Number(facts.get('connected_slaves') ?? 0);
  return describe({ url, servers, replicas, isPeer: true, end: async () => {} });
}

interface Described {
  readonly url: string;
  readonly servers: Readonly<Record<string, number>>;
  readonly replicas: number;
  readonly isPeer: boolean;
  readonly end: () => Promise<void>;
}

async function describe({ url, servers, replicas, isPeer, end }: Described): Promise<System> {
  const facts = await infoOf(url);
  const valkey = facts.get('valkey_version');
  const product = valkey === undefined ? `redis ${facts.get('redis_version')}` : `valkey ${valkey}`;
  const system: System = {
    name: replicas === 0 ? product : `${product}, ${replicas} replica`,
    servers,
    replicas,
    isOneSided: false,
    isPeer,
    profiled: {},
    end,
    endpoints() {
      const waits: Wait[] = replicas === 0 ? [] : ['each', 'group'];
      if (replicas === 0 || isPeer) waits.unshift('none');
      return waits.flatMap((wait) => LIBRARIES.map((library) => contenderOf(library, wait)));
    },
  };
  const contenderOf = (library: (typeof LIBRARIES)[number], wait: Wait): Contender => ({
    name: wait === 'none' ? library : `${library}, WAIT ${wait === 'each' ? 'after each' : 'for the group'}`,
    family: 'resp',
    wait,
    endpoint: { kind: 'resp', url, library, wait },
    system,
  });
  return system;
}

/** A server elsewhere, or in a container of its own, has a number that means another process here. */
function isRespProcess(pid: number): boolean {
  try {
    return /redis|valkey|keydb|dragonfly/.test(readlinkSync(`/proc/${pid}/exe`));
  } catch {
    return false;
  }
}

/** Of `INFO`: `name:value` lines. */
async function infoOf(target: number | string): Promise<ReadonlyMap<string, string>> {
  const url = typeof target === 'number' ? `redis://127.0.0.1:${target}` : target;
  const client = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null });
  client.on('error', () => {});
  try {
    await client.connect();
    const text = await client.info();
    return new Map(text.split('\r\n').map((line) => line.split(/:(.*)/s).slice(0, 2) as [string, string]));
  } finally {
    client.disconnect();
  }
}

async function untilTrue(what: string, child: Child, isTrue: () => Promise<boolean>): Promise<void> {
  const startMs = performance.now();
  for (;;) {
    if (await isTrue().catch(() => false)) return;
    if (child.process.exitCode !== null) throw new Error(`${child.name} ended:\n${child.log()}`);
    if (performance.now() - startMs > READY_MS) throw new Error(`not within ${READY_MS} ms: ${what}\n${child.log()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}
