import { hostname } from 'node:os';
import { ListenError } from '@ostraca/runtime';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** `HOST:PORT`; IPv6 in brackets. */
export function parseListen(text: string): ListenAddress {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port > 65_535)
    throw new ListenError(`cannot listen on "${text}": expected HOST:PORT`);
  return { host: match[1].replace(/^\[|\]$/g, ''), port };
}

/** How others reach us. A wildcard is no address to dial, so there it is the name of this machine. */
export function reachableUrl(host: string, port: number): string {
  const isWildcard = host === '0.0.0.0' || host === '::';
  const name = isWildcard ? hostname() : host;
  return `ws://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** The names in a URL that a Host header may carry. */
export function hostsOfUrls(urls: readonly string[]): string[] {
  return urls.filter((url) => URL.canParse(url)).map((url) => new URL(url).hostname);
}
