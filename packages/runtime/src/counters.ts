import type { PeerRole } from '@ostraca/core';

/** Totals since the start of the host. Bytes are those of frames, without the few of WebSocket's own. */
export interface Traffic {
  framesIn: number;
  framesOut: number;
  bytesIn: number;
  bytesOut: number;
}

/** For /metrics. All but `connections` and `queuedBytes` only rise. */
export interface HostCounters extends Readonly<Traffic> {
  /** Ready now, by the role of the peer. */
  readonly connections: Readonly<Record<PeerRole, number>>;
  readonly framesRefused: Readonly<Record<string, number>>;
  readonly connectionsRefused: Readonly<Record<string, number>>;
  /** Waiting for peers to read, over all connections. */
  readonly queuedBytes: number;
}

/** A counter with one label. The labels come from closed lists in our code, never from a peer. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(label: string): void {
    this.#counts.set(label, (this.#counts.get(label) ?? 0) + 1);
  }

  toRecord(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}
