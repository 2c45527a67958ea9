/** One connection per address, dialled when somebody wants it and dialled again with a growing, random pause. */
import type { ConnectionId, Effects, Peer, Random } from '@ostraca/core';
import { backoffMs, RECONNECT_BACKOFF } from './backoff.ts';

export interface Link {
  readonly url: string;
  state: 'closed' | 'dialling' | 'open';
  connection: ConnectionId | undefined;
  peer: Peer | undefined;
  /** Closed without a message from the peer, in a row. */
  failures: number;
  /** Not dialled again before. */
  retryAtMs: number;
  /** Why it is closed, in words; empty before the first time. */
  reason: string;
  /** It was asked for the routing, and pushes it from now on. */
  asked: boolean;
  /** It has answered with a routing. */
  answered: boolean;
}

export class Links {
  readonly #effects: Effects;
  readonly #random: Random;
  readonly #byUrl = new Map<string, Link>();
  readonly #byConnection = new Map<ConnectionId, Link>();

  constructor(effects: Effects, random: Random) {
    this.#effects = effects;
    this.#random = random;
  }

  at(url: string): Link {
    let link = this.#byUrl.get(url);
    if (link === undefined) {
      link = newLink(url);
      this.#byUrl.set(url, link);
    }
    return link;
  }

  of(connection: ConnectionId): Link | undefined {
    return this.#byConnection.get(connection);
  }

  *open(): Generator<Link> {
    for (const link of this.#byUrl.values()) if (link.state === 'open') yield link;
  }

  canDial(link: Link, nowMs: number): boolean {
    return link.state === 'closed' && link.retryAtMs <= nowMs;
  }

  /** Does nothing if it is open, under way, or pausing. */
  dial(link: Link, nowMs: number): void {
    if (!this.canDial(link, nowMs)) return;
    link.state = 'dialling';
    link.connection = this.#effects.dial(link.url);
    this.#byConnection.set(link.connection, link);
  }

  onOpen(link: Link, peer: Peer): void {
    link.state = 'open';
    link.peer = peer;
  }

  /** The peer speaks: the next loss is a first one again. */
  onHeard(link: Link): void {
    link.failures = 0;
  }

  onClose(link: Link, reason: string, nowMs: number): void {
    if (link.connection !== undefined) this.#byConnection.delete(link.connection);
    link.state = 'closed';
    link.connection = undefined;
    link.peer = undefined;
    link.asked = false;
    link.answered = false;
    link.reason = reason;
    link.failures += 1;
    link.retryAtMs = nowMs + backoffMs(this.#random, link.failures, RECONNECT_BACKOFF);
  }

  /** `onClose` of the machine follows. */
  hangUp(link: Link, reason: string): void {
    if (link.connection !== undefined) this.#effects.hangUp(link.connection, reason);
  }

  hangUpAll(reason: string): void {
    for (const link of this.#byUrl.values()) this.hangUp(link, reason);
  }

  /** Forgets closed ones that nobody wants, so that restarts of containers on new ports do not pile up. */
  forget(isWanted: (link: Link) => boolean): void {
    for (const link of this.#byUrl.values()) {
      if (link.state === 'closed' && !isWanted(link)) this.#byUrl.delete(link.url);
    }
  }
}

function newLink(url: string): Link {
  return {
    url,
    state: 'closed',
    connection: undefined,
    peer: undefined,
    failures: 0,
    retryAtMs: 0,
    reason: '',
    asked: false,
    answered: false,
  };
}
