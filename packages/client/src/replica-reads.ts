/**
 * Reads that a replica may answer: sent to one whose connection is open, and to the primary when it refuses, is lost or
 * says nothing. A read changes nothing, so it is sent anew wherever it likes; nothing here is ever in doubt.
 *
 *     submit ─▶ a replica ──answer──▶ done
 *                   └─ refused, lost, silent for a second ─▶ the primary (dispatch.ts)
 */
import type { Effects, ErrorAnswer, GridError, Random, ReadAnswer, ReplicaRoute, Route } from '@ostraca/core';
import type { Link, Links } from './links.ts';
import { type ClientAnswer, messageOf, type Pending, tell } from './pending.ts';
import type { Routes } from './routes.ts';

/** A replica that has not answered after this is given up, and left alone for as long. */
const PATIENCE_MS = 1_000;

export interface ReplicaReadsOptions {
  readonly effects: Effects;
  readonly random: Random;
  readonly links: Links;
  readonly routes: Routes;
  /** Of messages: never used twice by this client. */
  readonly nextId: () => number;
  /** Called once for each read that ends here, before its `done`. */
  readonly onEnd: (pending: Pending, result: ClientAnswer | GridError) => void;
  /** No replica can answer it. */
  readonly toPrimary: (pending: Pending, nowMs: number) => void;
}

export class ReplicaReads {
  readonly #options: ReplicaReadsOptions;
  /** By message id, in the order of their sending. */
  readonly #sent = new Map<number, { readonly pending: Pending; readonly sentMs: number }>();
  /** By address: not asked before. */
  readonly #restUntilMs = new Map<string, number>();

  constructor(options: ReplicaReadsOptions) {
    this.#options = options;
  }

  /** @returns whether it is on its way to a replica. */
  trySend(pending: Pending, nowMs: number): boolean {
    if (!mayGoToReplica(pending)) return false;
    const { routes, nextId, effects } = this.#options;
    const route = routes.routeOf(pending.request.partition);
    if (route === undefined || route.replicas.length === 0) return false;
    if (pending.token !== undefined && pending.token.lineage !== route.lineage) return false;
    const link = this.#choose(pending, route, nowMs);
    if (link?.connection === undefined) return false;
    pending.id = nextId();
    pending.state = 'atReplica';
    pending.link = link;
    pending.sentEpoch = route.epoch;
    pending.sentLineage = route.lineage;
    this.#sent.set(pending.id, { pending, sentMs: nowMs });
    const remainingMs = pending.deadlineMs - nowMs;
    effects.send(link.connection, messageOf(pending, { route, remainingMs, ackedBelow: 0, atReplica: true }));
    return true;
  }

  /** The read that this answers, which is over; undefined: it is none of ours. */
  take(answer: ReadAnswer): Pending | undefined {
    const sent = this.#sent.get(answer.id);
    if (sent !== undefined) this.#sent.delete(answer.id);
    return sent?.pending;
  }

  has(id: number): boolean {
    return this.#sent.has(id);
  }

  /** It goes to the primary now. */
  onRefusal({ id }: ErrorAnswer, nowMs: number): void {
    const sent = this.#sent.get(id);
    if (sent !== undefined) this.#giveUp(sent.pending, nowMs);
  }

  onLinkLost(link: Link, nowMs: number): void {
    for (const { pending } of this.#sent.values()) if (pending.link === link) this.#giveUp(pending, nowMs);
  }

  onTick(nowMs: number): void {
    for (const { pending, sentMs } of this.#sent.values()) {
      if (nowMs - sentMs < PATIENCE_MS) return;
      this.#giveUp(pending, nowMs);
    }
  }

  end(pending: Pending, result: ReadAnswer | GridError): void {
    this.#sent.delete(pending.id);
    pending.state = 'done';
    this.#options.onEnd(pending, result);
    tell(pending.done, result);
  }

  list(): Pending[] {
    return [...this.#sent.values()].map(({ pending }) => pending);
  }

  #giveUp(pending: Pending, nowMs: number): void {
    this.#sent.delete(pending.id);
    if (pending.link !== undefined) this.#restUntilMs.set(pending.link.url, nowMs + PATIENCE_MS);
    pending.id = 0;
    pending.link = undefined;
    this.#options.toPrimary(pending, nowMs);
  }

  /** One in sync if the mode asks for anything; an asynchronous one may be far behind. */
  #choose(pending: Pending, { replicas }: Route, nowMs: number): Link | undefined {
    const { links, random } = this.#options;
    const isEventual = pending.wish.mode === 'eventual';
    const inSync = replicas.filter((replica) => replica.inSync);
    const candidates = isEventual || inSync.length === 0 ? replicas : inSync;
    const open = candidates.filter(({ address }: ReplicaRoute) => {
      const link = links.at(address);
      links.dial(link, nowMs);
      return link.state === 'open' && (this.#restUntilMs.get(address) ?? 0) <= nowMs;
    });
    const chosen = open[random.below(Math.max(1, open.length))];
    return chosen === undefined ? undefined : links.at(chosen.address);
  }
}

function mayGoToReplica({ wish }: Pending): boolean {
  return wish.mode === 'bounded' || wish.mode === 'session' || wish.mode === 'eventual';
}
