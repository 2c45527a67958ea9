/** What /api/status of the processes says, fetched over the port that also speaks ws. */
import { get, type IncomingMessage } from 'node:http';
import { type CatalogStatus, type Container, GridError, type Policy } from '@ostraca/core';

export type CatalogAnswer = CatalogStatus & { readonly role: 'catalog' };
export type ContainerAnswer = ReturnType<Container['status']> & {
  readonly role: 'container';
  readonly catalogs: readonly string[];
};

export type TransactionsAnswer = ReturnType<Container['transactions']>;

export interface CatalogView {
  readonly url: string;
  readonly status: CatalogAnswer;
}

/** The first of the addresses that is a catalog; a container among them names those that it dials. */
export async function fetchCatalog(urls: readonly string[], timeoutMs: number): Promise<CatalogView> {
  const tried: string[] = [];
  const queue = [...urls];
  const seen = new Set<string>();
  for (let url = queue.shift(); url !== undefined; url = queue.shift()) {
    if (seen.has(url)) continue;
    seen.add(url);
    try {
      const status = (await fetchJson(url, '/api/status', timeoutMs)) as CatalogAnswer | ContainerAnswer;
      if (status.role === 'catalog') return { url, status };
      tried.push(`${url}: a container`);
      queue.push(...status.catalogs);
    } catch (error) {
      tried.push(`${url}: ${reasonOf(error)}`);
    }
  }
  throw new GridError('unavailable', { details: { catalogs: tried.join('; ') } });
}

export async function fetchPolicy(url: string, timeoutMs: number): Promise<Policy> {
  try {
    return (await fetchJson(url, '/api/policy', timeoutMs)) as Policy;
  } catch (error) {
    throw new GridError('unavailable', { details: { catalogs: `${url}: ${reasonOf(error)}` } });
  }
}

/** Of a container. Undefined: it does not answer. */
export async function fetchTransactions(url: string, timeoutMs: number): Promise<TransactionsAnswer | undefined> {
  const answer = await fetchJson(url, '/api/transactions', timeoutMs).catch(() => undefined);
  return answer as TransactionsAnswer | undefined;
}

/** Undefined: it does not answer. */
export async function fetchContainer(url: string, timeoutMs: number): Promise<ContainerAnswer | undefined> {
  return (await fetchJson(url, '/api/status', timeoutMs).catch(() => undefined)) as ContainerAnswer | undefined;
}

/** By node:http, as `fetch` refuses some ports that a catalog may well have. */
async function fetchJson(url: string, path: string, timeoutMs: number): Promise<unknown> {
  const address = new URL(path, url.replace(/^ws/, 'http'));
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(address, { signal, agent: false }, resolve).on('error', reject);
  });
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  const body = Buffer.concat(parts).toString();
  if (response.statusCode !== 200) throw new Error(`${response.statusCode} ${body.trim()}`);
  return JSON.parse(body);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return 'no answer in time';
  if ('code' in error && error.code === 'ECONNREFUSED') return 'connection refused';
  return error.message;
}
