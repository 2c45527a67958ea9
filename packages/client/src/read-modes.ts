/** How a read may be answered, as the application says it, and as the machine needs it. */
import { asPartitionId, LIMITS, type PartitionId } from '@ostraca/core';
import type { CallOptions } from './calls.ts';
import { invalid } from './check-options.ts';
import type { Token } from './tokens.ts';

/** What a client has seen of one partition: opaque, for `{ token }` of another client's reads. */
export type ReadToken = string;

/**
 * - `linearizable` (the default): by the primary, under its lease.
 * - `readIndex`: as fresh, by the primary, without relying on any clock: one more round trip to its replicas.
 * - `{ maxStalenessMs }`: a state that is no older than that when the read arrives, by a replica if it can.
 * - `session`: includes everything that this client has written or read before, by a replica if it can.
 * - `{ token }`: includes everything that whoever got the tokens (`tokenOf`) had seen.
 * - `eventual`: some state that was true once; over one connection it never goes back.
 *
 * Replicas answer only where the policy has `replicaReadEnabled`; elsewhere, and when no replica can, the primary does.
 */
export type ReadMode =
  | 'linearizable'
  | 'readIndex'
  | 'session'
  | 'eventual'
  | { readonly maxStalenessMs: number }
  | { readonly token: ReadToken | readonly ReadToken[] };

export interface ReadOptions extends CallOptions {
  /** Default `linearizable`. */
  readonly read?: ReadMode | undefined;
}

/** Of a request. `token` undefined in a session: what the client has seen of the partition by then. */
export type ReadWish =
  | { readonly mode: 'linearizable' | 'readIndex' | 'eventual' }
  | { readonly mode: 'bounded'; readonly maxStalenessMs: number }
  | { readonly mode: 'session'; readonly tokens: ReadonlyMap<PartitionId, Token> | undefined };

export const LINEARIZABLE: ReadWish = { mode: 'linearizable' };

const NAMES = ['linearizable', 'readIndex', 'session', 'eventual'] as const;
const EXPECTED = `must be one of ${NAMES.join(', ')}, { maxStalenessMs } or { token }`;

/** @throws {@link GridError} `invalid_argument`. */
export function parseReadMode(read: ReadMode | undefined): ReadWish {
  if (read === undefined) return LINEARIZABLE;
  if (typeof read === 'string') {
    const name = NAMES.find((one) => one === read);
    if (name === undefined) throw invalid('read', EXPECTED);
    return name === 'session' ? { mode: 'session', tokens: undefined } : { mode: name };
  }
  if (typeof read !== 'object' || read === null || Object.keys(read).length !== 1) throw invalid('read', EXPECTED);
  if ('maxStalenessMs' in read) {
    const { maxStalenessMs } = read;
    if (typeof maxStalenessMs === 'number' && maxStalenessMs >= 0 && maxStalenessMs < Number.POSITIVE_INFINITY) {
      return { mode: 'bounded', maxStalenessMs };
    }
    throw invalid('maxStalenessMs', 'must be a number of milliseconds, at least 0');
  }
  if ('token' in read) return { mode: 'session', tokens: parseTokens(read.token) };
  throw invalid('read', EXPECTED);
}

export function formatToken(partition: PartitionId, { lineage, lsn, clockMs }: Token): ReadToken {
  return `${partition}.${lineage}.${lsn}.${clockMs}`;
}

function parseTokens(given: ReadToken | readonly ReadToken[]): ReadonlyMap<PartitionId, Token> {
  const tokens = new Map<PartitionId, Token>();
  for (const text of typeof given === 'string' ? [given] : given) {
    const match = typeof text === 'string' ? /^(\d{1,9})\.(\w{1,64})\.(\d{1,16})\.(\d{1,16})$/.exec(text) : null;
    const partition = Number(match?.[1]);
    if (match === null || partition >= LIMITS.partitionsMax) throw invalid('token', 'is no token that a map gave');
    const [, , lineage = '', lsn, clockMs] = match;
    tokens.set(asPartitionId(partition), { lineage, lsn: Number(lsn), clockMs: Number(clockMs) });
  }
  return tokens;
}
