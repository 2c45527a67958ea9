/**
 * The version of the contract in proto/. Two processes speak the newest version that both know; when they share
 * none, the one that was dialled says goodbye with `protocol_version`.
 *
 * What needs no new version: a new field that an old peer may pass over. What needs one: a new message or a new
 * value of an enum (an old peer refuses both), another meaning, and whatever is retired. `min` may rise only
 * when no supported release needs the versions below it, so that a domain can be upgraded process by process.
 *
 * History
 * 1: the first.
 */
export interface ProtocolRange {
  readonly min: number;
  readonly max: number;
}

export const PROTOCOL: ProtocolRange = { min: 1, max: 1 };

/** The newest version in both ranges; undefined when there is none. */
export function agreeOnProtocol(own: ProtocolRange, theirs: ProtocolRange): number | undefined {
  const version = Math.min(own.max, theirs.max);
  return version >= own.min && version >= theirs.min ? version : undefined;
}
