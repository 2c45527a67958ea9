/** What the closed loop asks of whoever it measures. */
import type { Redis } from 'ioredis';
import { openTransactions } from './resp-transactions.ts';
import type { Endpoint, Wait } from './task.ts';

/** Three keys are read, and the first two are written, all at one moment or not at all. */
export interface TransactionCall {
  readonly keys: readonly [string, string, string];
  readonly values: readonly [Uint8Array, Uint8Array];
}

export interface Target {
  get(key: string): Promise<Uint8Array | null | undefined>;
  set(key: string, value: Uint8Array): Promise<unknown>;
  /** How many of the keys were there. */
  getAll(keys: readonly string[]): Promise<number>;
  setAll(keys: readonly string[], values: readonly Uint8Array[]): Promise<unknown>;
  /** Begins again until it succeeds. How many of the keys were there. */
  transact?(call: TransactionCall): Promise<number>;
  /** Uses a map, or what comes nearest. */
  touchMap(name: string): Promise<unknown>;
  /** Only where one WAIT is for a whole group. */
  waitForReplica?(): Promise<unknown>;
  close(): Promise<void>;
}

const TRANSACTION_RETRIES = 100;

/** Loads the client that it needs, and no other: a process starts the faster. */
export async function openTarget(endpoint: Endpoint): Promise<Target> {
  switch (endpoint.kind) {
    case 'floor':
      return openFloor(endpoint.url);
    case 'ostraca':
      return openOstraca(endpoint);
    case 'resp':
      return openResp(endpoint);
  }
}

async function openFloor(url: string): Promise<Target> {
  const { FloorClient } = await import('../floor/client.ts');
  const client = await FloorClient.connect(url);
  return {
    get: (key) => client.get(key),
    set: (key, value) => client.set(key, value),
    async getAll(keys) {
      const found = await Promise.all(keys.map((key) => client.get(key)));
      return found.filter((value) => value !== undefined).length;
    },
    setAll: (keys, values) =>
      Promise.all(keys.map((key, index) => client.set(key, values[index % values.length] as Uint8Array))),
    touchMap: (name) => client.get(name),
    close: async () => client.close(),
  };
}

async function openOstraca({
  url,
  grid: gridName,
  map: name,
}: Extract<Endpoint, { kind: 'ostraca' }>): Promise<Target> {
  const { connect } = await import('@ostraca/client');
  const grid = await connect({ catalogs: [url], grid: gridName });
  const map = grid.map<string, Uint8Array>(name, { codec: 'bytes' });
  return {
    get: (key) => map.get(key),
    set: (key, value) => map.set(key, value),
    getAll: async (keys) => (await map.getAll(keys)).size,
    setAll: (keys, values) =>
      map.setAll(keys.map((key, index) => [key, values[index % values.length] as Uint8Array] as const)),
    // Calls of one turn share a frame: the reads are one round trip, and the commit is the other.
    transact: ({ keys: [a, b, c], values: [forA, forB] }) =>
      grid.transaction(
        async (transaction) => {
          const map = transaction.map<string, Uint8Array>(name, { codec: 'bytes' });
          const found = await Promise.all([map.getForUpdate(a), map.getForUpdate(b), map.get(c)]);
          await Promise.all([map.set(a, forA), map.set(b, forB)]);
          return found.filter((value) => value !== undefined).length;
        },
        { retries: TRANSACTION_RETRIES },
      ),
    touchMap: (other) => grid.map<string, Uint8Array>(other, { codec: 'bytes' }).get('any'),
    close: () => grid.close(),
  };
}

type RespEndpoint = Extract<Endpoint, { kind: 'resp' }>;

/** The two clients are one family; of iovalkey we use what it has in common with ioredis. */
async function openResp({ url, library, wait }: RespEndpoint): Promise<Target> {
  const options = { lazyConnect: true, enableAutoPipelining: true, maxRetriesPerRequest: 1 };
  const client = await newRespClient(library, (Redis) => new Redis(url, options));
  await client.connect();
  const transactions = openTransactions(client);
  return {
    get: (key) => client.getBuffer(key),
    set: setOf(client, wait),
    async getAll(keys) {
      const found = await client.mgetBuffer([...keys]);
      return found.filter((value) => value !== null).length;
    },
    setAll(keys, values) {
      const pairs: (string | Buffer)[] = [];
      for (const [index, key] of keys.entries()) pairs.push(key, values[index % values.length] as Buffer);
      return client.mset(pairs);
    },
    ...(wait === 'group' ? { waitForReplica: () => replicaHolds(client) } : {}),
    transact: (call) => transactions.transact(call),
    touchMap: (name) => client.get(name),
    async close() {
      transactions.close();
      client.disconnect();
    },
  };
}

async function newRespClient(library: RespEndpoint['library'], make: (client: typeof Redis) => Redis): Promise<Redis> {
  if (library === 'ioredis') return make((await import('ioredis')).Redis);
  return make((await import('iovalkey')).Redis as unknown as typeof Redis);
}

function setOf(client: Redis, wait: Wait): Target['set'] {
  if (wait !== 'each') return (key, value) => client.set(key, value as Buffer);
  return (key, value) => {
    const stored = client.set(key, value as Buffer);
    const held = replicaHolds(client);
    // The write's own failure is no unhandled rejection while the other is awaited.
    return Promise.all([stored, held]);
  };
}

/** A WAIT that gives up would let a write pass for acknowledged that is not. */
async function replicaHolds(client: Redis): Promise<void> {
  const replicas = await client.wait(1, 10_000);
  if (replicas < 1) throw new Error('WAIT 1: no replica has acknowledged within 10 s');
}
