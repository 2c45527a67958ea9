import { GridError } from '@ostraca/core';
import { checkCount, checkOptions, checkTimeout, invalid } from './check-options.ts';

export interface ConnectSettings {
  /** The first connect fails after this, naming every endpoint and why. Default 10_000. */
  readonly connectTimeoutMs?: number;
  /** Deadline of every call that names none. Default 10_000, at most 60_000. */
  readonly operationTimeoutMs?: number;
  /** Keys and values of calls without an answer; past it calls wait, then fail with `overloaded`. Default 64 MiB. */
  readonly maxPendingBytes?: number;
  /**
   * While a partition has no primary, calls `wait` until their deadline (the default), or `fail` at once with
   * `unavailable`.
   */
  readonly onUnavailable?: 'wait' | 'fail';
}

export interface ConnectOptions extends ConnectSettings {
  /** `ws://host:port` of catalogs or containers; any one that answers is enough. */
  readonly catalogs: readonly string[];
  readonly grid: string;
}

const SETTINGS = ['connectTimeoutMs', 'operationTimeoutMs', 'maxPendingBytes', 'onUnavailable'];

/**
 * Checked, with defaults.
 *
 * @throws {@link GridError} `invalid_argument`, naming the option; `unauthenticated`: user and password, to a grid
 *   that has no users.
 */
export function resolveConnectOptions(
  target: string | ConnectOptions,
  settings: ConnectSettings = {},
): Required<ConnectOptions> {
  const { catalogs, grid } = typeof target === 'string' ? parseUrl(target) : checkTarget(target);
  const given: ConnectSettings = typeof target === 'string' ? settings : { ...target, ...settings };
  checkOptions(settings, { known: SETTINGS });
  const onUnavailable = given.onUnavailable ?? 'wait';
  if (onUnavailable !== 'wait' && onUnavailable !== 'fail') throw invalid('onUnavailable', "must be 'wait' or 'fail'");
  return {
    catalogs,
    grid,
    connectTimeoutMs: checkCount('connectTimeoutMs', given.connectTimeoutMs ?? 10_000),
    operationTimeoutMs: checkTimeout('operationTimeoutMs', given.operationTimeoutMs ?? 10_000),
    maxPendingBytes: checkCount('maxPendingBytes', given.maxPendingBytes ?? 64 * 1024 * 1024),
    onUnavailable,
  };
}

interface Target {
  readonly catalogs: readonly string[];
  readonly grid: string;
}

function checkTarget(options: ConnectOptions): Target {
  checkOptions(options, { known: ['catalogs', 'grid', ...SETTINGS] });
  const { catalogs, grid } = options ?? {};
  if (!Array.isArray(catalogs) || catalogs.length === 0) throw invalid('catalogs', 'must list at least one address');
  if (typeof grid !== 'string' || grid === '') throw invalid('grid', 'must name a grid');
  return { catalogs: catalogs.map((url) => checkAddress(url)), grid };
}

function checkAddress(url: unknown): string {
  if (typeof url === 'string' && /^wss?:\/\/[^\s/?#@]+\/?$/.test(url)) return url.replace(/\/$/, '');
  throw invalid('catalogs', `must be addresses like ws://127.0.0.1:7400, not ${String(url)}`);
}

function parseUrl(url: string): Target {
  const match = /^ostraca:\/\/(?:([^@/]*)@)?([^@/]+)\/([^/?#]+)$/.exec(url);
  if (match === null) throw invalid('url', 'must look like ostraca://host:port,host:port/grid');
  const [, user, hosts = '', grid = ''] = match;
  if (user !== undefined) {
    throw new GridError('unauthenticated', { details: { reason: 'a user was given, and the grid has no users' } });
  }
  return { catalogs: hosts.split(',').map((host) => checkAddress(`ws://${host}`)), grid: decodeURIComponent(grid) };
}
