/**
 * Who may talk to a port that knows no users: programs on this machine, and no web page that a browser on it has
 * open. A page's requests carry its Origin; and a page whose name was rebound to our address (DNS rebinding) still
 * sends its own name as Host.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';

export interface AdmissionOptions {
  /** Where we listen. */
  readonly host: string;
  /** Other names that we are called by: of the advertised URL, for example. */
  readonly advertisedHosts: readonly string[];
  readonly allowOrigins: readonly string[];
}

export function isLoopback(host: string): boolean {
  const name = withoutBrackets(host).toLowerCase();
  if (name === 'localhost' || name === '::1') return true;
  return isIP(name) === 4 && name.startsWith('127.');
}

export function isHostAllowed(header: string | undefined, options: AdmissionOptions): boolean {
  const name = hostOf(header);
  if (name === undefined) return false;
  if (isLoopback(name) || name === options.host.toLowerCase()) return true;
  if (options.advertisedHosts.some((each) => withoutBrackets(each).toLowerCase() === name)) return true;
  // Off the loopback we cannot know every address of ours; a rebound name is a name, so addresses are safe.
  return !isLoopback(options.host) && (isIP(name) !== 0 || name === hostname().toLowerCase());
}

/** Programs send none; a browser always does, on an upgrade. */
export function isOriginAllowed(headers: IncomingHttpHeaders, options: AdmissionOptions): boolean {
  return headers.origin === undefined || options.allowOrigins.includes(headers.origin);
}

/** The Host header without its port, in lower case, without the brackets of an IPv6 address. */
function hostOf(header: string | undefined): string | undefined {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+)(?::\d{1,5})?$/.exec(header ?? '');
  return match?.[1] === undefined ? undefined : withoutBrackets(match[1]).toLowerCase();
}

function withoutBrackets(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}
