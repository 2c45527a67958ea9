import { LIMITS } from '@ostraca/core';

/** Durations of a connection's life, in milliseconds. Tests shorten them. */
export interface ConnectionTimes {
  /** From the dial to the open socket. */
  readonly connectMs: number;
  /** From the open socket to the peer's hello. */
  readonly helloMs: number;
  readonly pingEveryMs: number;
  /** Nothing heard for so long: closed. */
  readonly silenceMs: number;
  /** Output over the soft limit of which nothing has left for so long: closed. */
  readonly stuckMs: number;
  /** From our close to the end, whether the peer answers or not. */
  readonly leaveMs: number;
  /** How often all of these are looked at. */
  readonly sweepEveryMs: number;
}

export const CONNECTION_TIMES: ConnectionTimes = {
  connectMs: 5_000,
  helloMs: LIMITS.helloTimeoutMs,
  pingEveryMs: 5_000,
  silenceMs: 15_000,
  stuckMs: 15_000,
  leaveMs: 2_000,
  sweepEveryMs: 100,
};
