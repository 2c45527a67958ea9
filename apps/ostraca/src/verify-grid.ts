/**
 * Compares every primary with its replicas, on a live grid under writes: the primary puts a digest record into its
 * log, and every copy computes the digest of its entries at that one lsn.
 */
import {
  type ErrorDetails,
  errorCodeOf,
  GridError,
  type Message,
  type PartitionId,
  type Route,
  type Routing,
  type ShardDigest,
  type VerifyAnswer,
} from '@ostraca/core';
import type { Tool, ToolConnection } from './tool.ts';

export interface VerifyOptions {
  readonly tool: Tool;
  readonly catalogs: readonly string[];
  readonly grid: string;
  readonly timeoutMs: number;
}

/** What a partition's primary answered, or why none did. */
export interface PartitionDigests {
  readonly partition: PartitionId;
  readonly mapSet: string;
  /** Within its map set. */
  readonly index: number;
  readonly primary: string;
  readonly lsn: number;
  readonly digests: readonly ShardDigest[];
  /** Empty when it was answered. */
  readonly failure: string;
}

/** Partitions asked at a time: the digest of one goes over all of its entries. */
const ASKED_AT_A_TIME = 8;
const TRY_AGAIN_MS = 50;
/** A primary that is silent for so long may be none any more. */
const ATTEMPT_MS = 5_000;

/** @throws {@link GridError} `unavailable`: nobody told the routing; `undefined_grid`. */
export async function verifyGrid(options: VerifyOptions): Promise<PartitionDigests[]> {
  const endMs = performance.now() + options.timeoutMs;
  const routes = await openRoutes(options);
  const connections = new Map<string, Promise<ToolConnection>>();
  const places = routes.current().mapSets.flatMap((mapSet) =>
    Array.from({ length: mapSet.numberOfPartitions }, (_, index) => ({
      partition: (mapSet.firstPartition + index) as PartitionId,
      mapSet: mapSet.name,
      index,
    })),
  );
  const results: PartitionDigests[] = [];
  let lastId = 0;
  const nextId = (): number => ++lastId;
  const queue = [...places];
  const work = async (): Promise<void> => {
    for (let place = queue.shift(); place !== undefined; place = queue.shift()) {
      const asked = await askUntil({ ...options, partition: place.partition, endMs, routes, connections, nextId });
      results.push({ ...place, ...asked });
    }
  };
  await Promise.all(Array.from({ length: ASKED_AT_A_TIME }, work));
  return results.sort((a, b) => a.partition - b.partition);
}

interface Routes {
  current(): Routing;
}

/** The routing of a grid from whichever address answers first in the order given; kept up to date from then on. */
async function openRoutes({ tool, catalogs, grid, timeoutMs }: VerifyOptions): Promise<Routes> {
  const tried: string[] = [];
  for (const url of catalogs) {
    try {
      const connection = await tool.dial(url, timeoutMs);
      const isOurs = (message: Message) =>
        (message.type === 'routing' || message.type === 'routingRefused') && message.grid === grid
          ? message
          : undefined;
      const answer = connection.wait(isOurs, timeoutMs);
      connection.send({ type: 'routingRequest', grid });
      const first = await answer;
      if (first.type === 'routingRefused') throw refusal(first.code, first.reason);
      let newest: Routing = first;
      connection.listen((message) => {
        if (message.type === 'routing' && message.grid === grid) newest = message;
      });
      return { current: () => newest };
    } catch (error) {
      if (error instanceof GridError && error.code !== 'unavailable') throw error;
      tried.push(`${url}: ${error instanceof GridError ? String(error.details.reason) : String(error)}`);
    }
  }
  throw new GridError('unavailable', { details: { catalogs: tried.join('; ') } });
}

function refusal(code: number, reason: string): GridError {
  return new GridError(errorCodeOf(code), reason === '' ? {} : { details: { reason } });
}

interface Question extends VerifyOptions {
  readonly partition: PartitionId;
  readonly endMs: number;
  readonly routes: Routes;
  readonly connections: Map<string, Promise<ToolConnection>>;
  /** Over all connections of this run. */
  readonly nextId: () => number;
}

type Asked = Pick<PartitionDigests, 'primary' | 'lsn' | 'digests' | 'failure'>;

/** Primaries move while we ask: what was answered by an older one is asked again of the newer. */
async function askUntil(question: Question): Promise<Asked> {
  let failure = 'no primary';
  let primary = '';
  for (;;) {
    const leftMs = question.endMs - performance.now();
    if (leftMs <= 0) return { primary, lsn: 0, digests: [], failure };
    const route = routeOf(question.routes.current(), question.partition);
    if (route !== undefined) {
      primary = route.primary;
      try {
        const answer = await ask(route, question, Math.max(1, Math.ceil(Math.min(leftMs, ATTEMPT_MS))));
        return { primary, lsn: answer.lsn, digests: answer.digests, failure: '' };
      } catch (error) {
        failure = error instanceof GridError ? error.message : String(error);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
  }
}

function routeOf({ routes }: Routing, partition: PartitionId): Route | undefined {
  return routes.find((route) => route.partition === partition && route.address !== '');
}

async function ask(route: Route, question: Question, ttlMs: number): Promise<VerifyAnswer> {
  const connection = await connectionTo(route.address, question);
  const id = question.nextId();
  const answer = connection.wait((message) => {
    if (message.type === 'verifyAnswer' && message.id === id) return message;
    return message.type === 'errorAnswer' && message.id === id ? message : undefined;
  }, ttlMs);
  connection.send({ type: 'verify', id, partition: question.partition, ttlMs });
  const message = await answer;
  if (message.type === 'verifyAnswer') return message;
  throw new GridError(errorCodeOf(message.code), { details: JSON.parse(message.detailsJson || '{}') as ErrorDetails });
}

async function connectionTo(address: string, { tool, connections, endMs }: Question): Promise<ToolConnection> {
  const known = await connections.get(address)?.catch(() => undefined);
  if (known?.isOpen === true) return known;
  const dialled = tool.dial(address, Math.max(1, Math.ceil(endMs - performance.now())));
  dialled.catch(() => connections.delete(address));
  connections.set(address, dialled);
  return dialled;
}
