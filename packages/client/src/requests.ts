/**
 * The client as a machine. It knows no socket, no clock and no promise, so that the simulator can drive it. Here:
 * its connections, what it knows of the routing, deadlines, and the limit that all requests share; where a request
 * goes and when it goes again is `dispatch.ts`.
 */
import {
  assert,
  type ClientId,
  type ConnectionId,
  type ErrorAnswer,
  errorCodeOf,
  type GridError,
  type Message,
  type Peer,
  type Random,
  type RolledBack,
  type Routing,
  type RoutingRefused,
} from '@ostraca/core';
import { backoffMs, TRANSACTION_BACKOFF } from './backoff.ts';
import type { ClientMachine, ClientMachineOptions } from './client-machine.ts';
import { Deadlines } from './deadlines.ts';
import { Dispatch } from './dispatch.ts';
import { abortedError, closedError, connectRefused, deadlineError, lineageLost, overflowError } from './failures.ts';
import { Fifo } from './fifo.ts';
import { type Link, Links } from './links.ts';
import { NearCaches } from './near/near-caches.ts';
import { type ClientAnswer, type ClientRequest, type Done, isWrite, mayHaveReached, Pending, tell } from './pending.ts';
import { ReplicaReads } from './replica-reads.ts';
import { type RouteChange, Routes } from './routes.ts';
import { RoutingSource } from './routing-source.ts';
import type { StatusEvent } from './status.ts';
import { Timers } from './timers.ts';
import { Tokens } from './tokens.ts';
import { OpenTransactions } from './transaction/open-transactions.ts';

export function newClientMachine(options: ClientMachineOptions): ClientMachine {
  return new Requests(options);
}

class Requests implements ClientMachine {
  readonly clientId: ClientId;
  readonly routes = new Routes();
  readonly tokens = new Tokens();
  readonly near: NearCaches;
  readonly timers = new Timers();
  readonly transactions: OpenTransactions;
  readonly #options: ClientMachineOptions;
  readonly #links: Links;
  /** Of pauses; made with the first. */
  #random: Random | undefined;
  readonly #pauses = new Set<() => void>();
  readonly #source: RoutingSource;
  readonly #dispatch: Dispatch;
  readonly #replicaReads: ReplicaReads;
  readonly #deadlines = new Deadlines<Pending>();
  /** Beyond maxPendingBytes, in the order of their calls. */
  readonly #overflow = new Fifo<Pending>((pending) => pending.state === 'done');
  /** Of all requests that are enqueued and have no answer. */
  #pendingBytes = 0;
  #primaryAddresses: ReadonlySet<string> = new Set();
  #replicaAddresses: ReadonlySet<string> = new Set();
  #connecting: { readonly deadlineMs: number; readonly done: (error: GridError | undefined) => void } | undefined;
  /** Requests without an end, and the first connect: what somebody waits for. */
  #waitedForCount = 0;
  #closed = false;

  constructor(options: ClientMachineOptions) {
    assert(options.endpoints.length > 0, 'a client has an endpoint');
    this.#options = options;
    this.clientId = options.clientId;
    const { effects, grid, endpoints, settings } = options;
    const { routes, tokens } = this;
    const random = options.random.fork();
    const links = new Links(effects, random);
    this.#links = links;
    this.transactions = new OpenTransactions({ effects, links, routes });
    const mutations = options.mutations ?? new Set();
    this.near = new NearCaches({ effects, links, routes, tokens, mutations, clocks: options.clocks });
    this.#source = new RoutingSource({ grid, endpoints, effects, random, links, routes });
    let lastId = 0;
    const nextId = (): number => ++lastId;
    const onEnd = (pending: Pending, result: ClientAnswer | GridError): void => {
      this.near.onEnd(pending, result);
      this.#pendingBytes -= pending.bytes;
      this.#deadlines.delete(pending);
      this.#countWaitedFor(-1);
    };
    this.#dispatch = new Dispatch({
      effects,
      random,
      links,
      routes,
      onUnavailable: settings.onUnavailable,
      nextId,
      onAnswered: (pending, answer) => this.#onAnswered(pending, answer),
      onEnd,
      onWrongRoute: () => this.#source.askAnother(),
      onResolveAt: (pending) => {
        this.#deadlines.delete(pending);
        pending.dueMs = pending.resolveAtMs;
        this.#deadlines.add(pending);
      },
    });
    const toPrimary = (pending: Pending, nowMs: number): void => this.#dispatch.enqueue(pending, nowMs);
    this.#replicaReads = new ReplicaReads({ effects, random, links, routes, nextId, onEnd, toPrimary });
  }

  start(nowMs: number, done: (error: GridError | undefined) => void): void {
    this.#connecting = { deadlineMs: nowMs + this.#options.settings.connectTimeoutMs, done };
    this.#countWaitedFor(1);
    this.#source.keepUp(nowMs);
  }

  submit(request: ClientRequest, done: Done, nowMs: number): Pending {
    const pending = new Pending(request, done, { nowMs, tokens: this.tokens });
    if (this.#closed) {
      pending.state = 'done';
      tell(done, closedError(pending));
      return pending;
    }
    this.#countWaitedFor(1);
    this.#dispatch.planLastPart(pending);
    this.#deadlines.add(pending);
    if (this.#overflow.first() === undefined && this.#fits(pending)) {
      this.#enqueue(pending, nowMs);
      return pending;
    }
    this.#overflow.push(pending);
    this.#enqueueWhatFits(nowMs);
    return pending;
  }

  abort(pending: Pending, reason: unknown, nowMs: number): void {
    this.#end(pending, abortedError(pending, reason), nowMs);
    this.#enqueueWhatFits(nowMs);
  }

  settle(pending: Pending, reason: unknown, nowMs: number): void {
    if (pending.state !== 'overflow' && isWrite(pending) && mayHaveReached(pending)) {
      this.#dispatch.giveUp(pending, nowMs);
    } else this.abort(pending, reason, nowMs);
  }

  pause(failures: number, done: () => void, nowMs: number): void {
    if (this.#closed) return done();
    const end = (): void => {
      if (!this.#pauses.delete(end)) return;
      this.#countWaitedFor(-1);
      done();
    };
    this.#pauses.add(end);
    this.#countWaitedFor(1);
    this.#random ??= this.#options.random.fork();
    this.timers.at(nowMs + backoffMs(this.#random, failures, TRANSACTION_BACKOFF), end);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const end of [...this.#pauses]) end();
    this.timers.close();
    this.near.close();
    this.#endConnecting(undefined);
    const all = [...this.#replicaReads.list(), ...this.#dispatch.list(), ...this.#overflow.list()];
    for (const pending of all) this.#end(pending, closedError(pending));
    this.#links.hangUpAll('the client closes');
    this.#tell({ type: 'closed' });
  }

  onOpen(connection: ConnectionId, peer: Peer, nowMs: number): void {
    const link = this.#links.of(connection);
    if (link === undefined || this.#closed) return;
    this.#links.onOpen(link, peer);
    if (peer.role === 'container') {
      this.#tell({ type: 'container_connected', container: peer.name, address: link.url });
    }
    this.#source.keepUp(nowMs);
    this.#dispatch.onLinkOpen(link, nowMs);
  }

  onMessage(connection: ConnectionId, message: Message, nowMs: number): void {
    const link = this.#links.of(connection);
    if (link === undefined || this.#closed) return;
    switch (message.type) {
      case 'routing':
        this.#links.onHeard(link);
        this.#onRouting(link, message, nowMs);
        break;
      case 'routingRefused':
        this.#onRoutingRefused(link, message, nowMs);
        break;
      case 'readAnswer':
      case 'sizeAnswer':
      case 'scanAnswer':
      case 'writeAnswer':
      case 'rolledBack':
      case 'errorAnswer':
        this.#links.onHeard(link);
        this.#onAnswer(message, nowMs);
        break;
      case 'nearChanges':
        this.near.onChanges(connection, message);
        break;
      default:
        this.#note('warn', 'unexpected_message', { type: message.type, address: link.url });
    }
    this.#enqueueWhatFits(nowMs);
  }

  onClose(connection: ConnectionId, reason: string, nowMs: number): void {
    const link = this.#links.of(connection);
    if (link === undefined) return;
    const isContainer = link.peer?.role === 'container';
    const wasSource = link.answered;
    this.near.onLinkLost(connection);
    this.#links.onClose(link, reason, nowMs);
    if (this.#closed) return;
    if (this.#connecting !== undefined && this.#source.disagrees()) this.#endConnecting(this.#source.describeFailure());
    if (isContainer) this.#tell({ type: 'container_lost', address: link.url, reason });
    if (wasSource && !this.#source.hasSource()) this.#tell({ type: 'disconnected', address: link.url, reason });
    if (isContainer || this.#primaryAddresses.has(link.url)) this.#source.askAnother();
    this.#source.keepUp(nowMs);
    this.#replicaReads.onLinkLost(link, nowMs);
    this.#dispatch.onLinkLost(link, nowMs);
    this.#links.forget((other) => this.#isWanted(other));
    this.#enqueueWhatFits(nowMs);
  }

  onTick(nowMs: number, _lateMs: number): void {
    if (this.#closed) return;
    for (const pending of this.#deadlines.takeDue(nowMs)) {
      if (pending.state === 'done') continue;
      if (pending.deadlineMs <= nowMs) this.#expire(pending, nowMs);
      else this.#beginLastPart(pending, nowMs);
    }
    if (this.#connecting !== undefined && this.#connecting.deadlineMs <= nowMs) {
      this.#endConnecting(this.#source.describeFailure());
    }
    this.#source.keepUp(nowMs);
    this.#dialPrimaries(nowMs);
    this.#replicaReads.onTick(nowMs);
    this.near.onTick(nowMs);
    this.transactions.onTick(nowMs);
    this.timers.onTick(nowMs);
    this.#dispatch.onTick(nowMs);
    this.#enqueueWhatFits(nowMs);
  }

  // ── Routing ───────────────────────────────────────────────────────────────────────────────────────────────────

  #onRouting(link: Link, routing: Routing, nowMs: number): void {
    if (routing.grid !== this.#options.grid) return;
    const hadSource = this.#source.hasSource();
    this.#source.onAnswer(link);
    if (!hadSource) this.#tell({ type: 'connected', address: link.url });
    // A generation that cannot be compared is a grid started anew: believed only when nobody of ours is left.
    const changes = this.routes.adopt(routing, this.#isCutOff());
    if (changes === undefined) {
      this.#note('warn', 'routing_of_another_generation', { address: link.url, generation: routing.generation });
      return;
    }
    const { generation } = routing;
    if (changes.length > 0) this.#tell({ type: 'routing', generation, changedPartitions: changes.length });
    this.#applyChanges(changes, nowMs);
    this.#dispatch.failUnplaceable();
    this.#links.forget((other) => this.#isWanted(other));
    this.#endConnecting(undefined);
  }

  #onRoutingRefused(link: Link, refused: RoutingRefused, nowMs: number): void {
    if (refused.grid !== this.#options.grid) return;
    this.#source.onRefused(link, refused.reason);
    // Another try on another connection; but one that carries requests is kept.
    if (!this.#primaryAddresses.has(link.url)) this.#links.hangUp(link, 'it refused the routing');
    const code = errorCodeOf(refused.code);
    if (code === 'unavailable' || code === 'overloaded' || code === 'not_primary') this.#source.keepUp(nowMs);
    else this.#endConnecting(connectRefused(code, { grid: refused.grid, address: link.url, reason: refused.reason }));
  }

  #applyChanges(changes: readonly RouteChange[], nowMs: number): void {
    this.#primaryAddresses = this.routes.primaryAddresses();
    this.#replicaAddresses = this.routes.replicaAddresses();
    this.#dialPrimaries(nowMs);
    this.#dispatch.onRoutes(changes, nowMs);
  }

  /** Ahead of the first request: nobody waits for a handshake then. */
  #dialPrimaries(nowMs: number): void {
    for (const url of this.#primaryAddresses) this.#links.dial(this.#links.at(url), nowMs);
    for (const url of this.#replicaAddresses) this.#links.dial(this.#links.at(url), nowMs);
  }

  #isCutOff(): boolean {
    for (const url of this.#primaryAddresses) {
      const { state, failures } = this.#links.at(url);
      if (state === 'open' || failures === 0) return false;
    }
    return true;
  }

  #isWanted(link: Link): boolean {
    return (
      this.#primaryAddresses.has(link.url) ||
      this.#replicaAddresses.has(link.url) ||
      this.#source.isCandidate(link) ||
      this.routes.addresses.includes(link.url)
    );
  }

  #endConnecting(error: GridError | undefined): void {
    const connecting = this.#connecting;
    if (connecting === undefined) return;
    this.#connecting = undefined;
    this.#countWaitedFor(-1);
    connecting.done(error);
  }

  // ── Requests ──────────────────────────────────────────────────────────────────────────────────────────────────

  #enqueueWhatFits(nowMs: number): void {
    for (let next = this.#overflow.first(); next !== undefined; next = this.#overflow.first()) {
      if (!this.#fits(next)) return;
      this.#overflow.shift();
      this.#enqueue(next, nowMs);
    }
  }

  /** One that is larger than the limit by itself goes alone. */
  #fits({ bytes }: Pending): boolean {
    return this.#pendingBytes === 0 || this.#pendingBytes + bytes <= this.#options.settings.maxPendingBytes;
  }

  #enqueue(pending: Pending, nowMs: number): void {
    this.#pendingBytes += pending.bytes;
    if (!this.#replicaReads.trySend(pending, nowMs)) this.#dispatch.enqueue(pending, nowMs);
  }

  #onAnswer(answer: ClientAnswer | ErrorAnswer | RolledBack, nowMs: number): void {
    if (answer.type === 'readAnswer') {
      const pending = this.#replicaReads.take(answer);
      if (pending !== undefined) {
        this.#replicaReads.end(pending, this.#onAnswered(pending, answer));
        return;
      }
    }
    const change = answer.type === 'errorAnswer' ? this.routes.adoptRoute(answer.route) : undefined;
    if (answer.type === 'errorAnswer' && this.#replicaReads.has(answer.id)) {
      // It goes by the newest route.
      if (change !== undefined) this.#applyChanges([change], nowMs);
      this.#replicaReads.onRefusal(answer, nowMs);
      return;
    }
    if (answer.type !== 'errorAnswer' || change === undefined) {
      this.#dispatch.onAnswer(answer, nowMs);
      return;
    }
    this.#dispatch.onRefusedByOldRoute(answer);
    this.#applyChanges([change], nowMs);
  }

  /** A read in a session that went to another lineage than its token's may miss what it was to see. */
  #onAnswered<Answer extends ClientAnswer>(pending: Pending, answer: Answer): Answer | GridError {
    const { request, sentLineage, token } = pending;
    this.tokens.note(request.partition, sentLineage, answer);
    return token !== undefined && token.lineage !== sentLineage ? lineageLost(pending) : answer;
  }

  #expire(pending: Pending, nowMs: number): void {
    if (pending.state === 'overflow') {
      this.#endUnqueued(pending, overflowError(pending, this.#options.settings.maxPendingBytes));
      return;
    }
    if (pending.state === 'atReplica') {
      const container = this.routes.routeOf(pending.request.partition)?.primary ?? '';
      this.#replicaReads.end(pending, deadlineError(pending, { unavailable: '', container }));
      return;
    }
    this.#dispatch.expire(pending, nowMs);
  }

  /** One that is in doubt is tried no more; another may still be sent. */
  #beginLastPart(pending: Pending, nowMs: number): void {
    pending.dueMs = pending.deadlineMs;
    this.#deadlines.add(pending);
    this.#dispatch.giveUp(pending, nowMs);
  }

  /** `nowMs`: what it made room for is sent. */
  #end(pending: Pending, error: GridError, nowMs?: number): void {
    if (pending.state === 'done') return;
    if (pending.state === 'overflow') this.#endUnqueued(pending, error);
    else if (pending.state === 'atReplica') this.#replicaReads.end(pending, error);
    else if (nowMs === undefined) this.#dispatch.end(pending, error);
    else this.#dispatch.finish(pending, error, nowMs);
  }

  #endUnqueued(pending: Pending, error: GridError): void {
    this.#deadlines.delete(pending);
    this.#countWaitedFor(-1);
    pending.state = 'done';
    tell(pending.done, error);
  }

  #countWaitedFor(change: 1 | -1): void {
    const before = this.#waitedForCount;
    this.#waitedForCount += change;
    if (before === 0 || this.#waitedForCount === 0) this.#options.onBusy?.(before === 0);
  }

  #tell(event: StatusEvent): void {
    this.#options.onStatus?.(event);
    const { type, ...facts } = event;
    this.#note(type === 'container_lost' || type === 'disconnected' ? 'warn' : 'info', type, facts);
  }

  #note(level: 'info' | 'warn', event: string, facts: Readonly<Record<string, string | number>>): void {
    this.#options.effects.note({ level, event, facts });
  }
}
