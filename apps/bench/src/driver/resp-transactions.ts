/**
 * WATCH, three GETs, and MULTI, two SETs, EXEC: as few round trips as there can be, which are two. What WATCH watches
 * belongs to a connection, so a connection makes one transaction at a time, and as many are opened as there are
 * transactions in flight, up to a limit; beyond it, they wait for one another.
 */
import type { Redis } from 'ioredis';
import type { TransactionCall } from './target.ts';

export const CONNECTIONS_MAX = 64;

export interface RespTransactions {
  /** How many of the keys were there. */
  transact(call: TransactionCall): Promise<number>;
  close(): void;
}

export function openTransactions(client: Redis): RespTransactions {
  const idle: Redis[] = [];
  const waiting: ((connection: Redis) => void)[] = [];
  const all: Redis[] = [];
  const take = (): Redis | Promise<Redis> => {
    const connection = idle.pop();
    if (connection !== undefined) return connection;
    if (all.length >= CONNECTIONS_MAX) return new Promise((resolve) => waiting.push(resolve));
    // Its commands are sent as they are: ours are in pipelines already.
    const opened = client.duplicate({ enableAutoPipelining: false, lazyConnect: false });
    all.push(opened);
    return opened;
  };
  const giveBack = (connection: Redis): void => {
    const next = waiting.shift();
    if (next === undefined) idle.push(connection);
    else next(connection);
  };
  return {
    async transact(call) {
      const connection = await take();
      try {
        for (;;) {
          const found = await tryOnce(connection, call);
          if (found !== undefined) return found;
        }
      } finally {
        giveBack(connection);
      }
    },
    close() {
      for (const connection of all) connection.disconnect();
    },
  };
}

/** Undefined: somebody has written one of the keys in between. */
async function tryOnce(connection: Redis, { keys: [a, b, c], values }: TransactionCall): Promise<number | undefined> {
  const reads = await connection.pipeline().watch(a, b, c).getBuffer(a).getBuffer(b).getBuffer(c).exec();
  const found = valuesOf(reads)
    .slice(1)
    .filter((value) => value !== null).length;
  const written = await connection
    .multi()
    .set(a, values[0] as Buffer)
    .set(b, values[1] as Buffer)
    .exec();
  if (written === null) return undefined;
  valuesOf(written);
  return found;
}

function valuesOf(answers: readonly (readonly [Error | null, unknown])[] | null): unknown[] {
  return (answers ?? []).map(([error, value]) => {
    if (error !== null) throw error;
    return value;
  });
}
