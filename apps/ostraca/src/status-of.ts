/** What /api/status of the processes says, fetched over the port that also speaks ws. */
import { type CatalogStatus, type Container, GridError, type Policy } from '@ostraca/core';

export type CatalogAnswer = CatalogStatus & { readonly role: 'catalog' };
export type ContainerAnswer = ReturnType<Container['status']> & {
  readonly role: 'container';
  readonly catalogs: readonly string[];
};

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

/** Undefined: it does not answer. */
export async function fetchContainer(url: string, timeoutMs: number): Promise<ContainerAnswer | undefined> {
  return (await fetchJson(url, '/api/status', timeoutMs).catch(() => undefined)) as ContainerAnswer | undefined;
}

async function fetchJson(url: string, path: string, timeoutMs: number): Promise<unknown> {
  const address = new URL(path, url.replace(/^ws/, 'http'));
  const response = await fetch(address, { signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok) throw new Error(`${response.status} ${(await response.text()).trim()}`);
  return response.json();
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'no answer in time';
  const { cause } = error;
  if (cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED') return 'connection refused';
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message;
}
