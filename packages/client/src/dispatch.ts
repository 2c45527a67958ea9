/**
 * Where each request is to go, and when it may be sent again.
 *
 * A request is sent by the route of its partition and waits for its answer. When the answer cannot come or says "not
 * here, not now", it goes back and is sent again under the same seq, so that the primary applies a write at most
 * once. `attempt` is raised only if an earlier attempt may have reached a primary: the connection was lost after the
 * sending, or a route of a higher epoch made us send again without waiting. Of such an older attempt only a
 * "committed" counts; its refusals say nothing about the newer one (docs/internals/replication.md).
 *
 * A write whose time is as good as over is given up: it is not sent again once an attempt of it may have reached a primary.
 * What goes in its place asks what became of it (ResolveOrAbort), by the same rules and under the same seq.
 *
 * A partition's requests are sent in the order of their calls, those to be sent again first.
 */
import {
  assert,
  type Effects,
  type ErrorAnswer,
  type GridError,
  type Outcome,
  type PartitionId,
  type Random,
  type RolledBack,
  type Route,
} from '@ostraca/core';
import { backoffMs, REFUSED_BACKOFF, THROTTLED_BACKOFF } from './backoff.ts';
import { ById } from './by-id.ts';
import { answeredError, deadlineError, unavailableError } from './failures.ts';
import { lastPartMs, UsualAnswer } from './last-part.ts';
import type { Link, Links } from './links.ts';
import { PartitionQueue } from './partition-queue.ts';
import {
  answerMarginMs,
  type ClientAnswer,
  isAcquisition,
  isWrite,
  mayHaveReached,
  messageOf,
  type Pending,
  tell,
} from './pending.ts';
import { RetryBudget } from './retry-budget.ts';
import type { RouteChange, Routes } from './routes.ts';

export interface DispatchOptions {
  readonly effects: Effects;
  readonly random: Random;
  readonly links: Links;
  readonly routes: Routes;
  readonly onUnavailable: 'wait' | 'fail';
  /** Called with each answer that is no error. @returns what the caller gets. */
  readonly onAnswered: (pending: Pending, answer: ClientAnswer) => ClientAnswer | GridError;
  /** Called once for each request, before its `done`. */
  readonly onEnd: (pending: Pending, result: ClientAnswer | GridError) => void;
  /** Somebody refused because our route is wrong, and knew no better one. */
  readonly onWrongRoute: () => void;
  /** Its last part begins at another time than was thought. */
  readonly onResolveAt: (pending: Pending) => void;
  /** Of messages: never used twice by this client. */
  readonly nextId: () => number;
}

export class Dispatch {
  readonly #options: DispatchOptions;
  readonly #links: Links;
  readonly #routes: Routes;
  readonly #queues = new Map<PartitionId, PartitionQueue>();
  /** Queues that wait for their `retryAtMs`. */
  readonly #pausing = new Set<PartitionQueue>();
  /** Of those, the ones that wait for the retry budget. */
  readonly #throttled = new Set<PartitionQueue>();
  readonly #budget = new RetryBudget();
  readonly #usualAnswer = new UsualAnswer();
  /** By message id; the ids of older attempts too. */
  readonly #byId = new ById<Pending>();

  constructor(options: DispatchOptions) {
    this.#options = options;
    this.#links = options.links;
    this.#routes = options.routes;
  }

  /** Before it is enqueued: when it stops to be tried. */
  planLastPart(pending: Pending): void {
    if (!isWrite(pending)) return;
    pending.resolveAtMs = pending.deadlineMs - lastPartMs(pending.request.timeoutMs, this.#usualAnswer.ms);
    pending.dueMs = pending.resolveAtMs;
  }

  enqueue(pending: Pending, nowMs: number): void {
    const { partition } = pending.request;
    let queue = this.#queues.get(partition);
    if (queue === undefined) {
      queue = new PartitionQueue(partition);
      this.#queues.set(partition, queue);
    }
    pending.state = 'waiting';
    const to =
      queue.waiting.first() === undefined && queue.returnedCount === 0 && queue.retryAtMs <= nowMs
        ? this.#openLinkOf(partition)
        : undefined;
    if (to !== undefined && queue.hasRoomFor(pending)) {
      queue.admit(pending);
      this.#budget.onRequest(nowMs);
      this.#sendOne(queue, pending, { link: to.link, route: to.route, nowMs });
      return;
    }
    queue.waiting.push(pending);
    this.#send(queue, nowMs);
  }

  onRoutes(changes: readonly RouteChange[], nowMs: number): void {
    for (const { partition, raised } of changes) {
      const queue = this.#queues.get(partition);
      if (queue === undefined) continue;
      queue.failures = 0;
      queue.retryAtMs = 0;
      queue.throttles = 0;
      this.#pausing.delete(queue);
      this.#throttled.delete(queue);
      if (raised) this.#supersede(queue);
      this.#send(queue, nowMs);
    }
  }

  /** The policy may have been found unplaceable: whoever waits for a first placement hears of it at once. */
  failUnplaceable(): void {
    for (const queue of this.#queues.values()) {
      if (this.#routes.unplaceable(queue.partition) !== '') this.#failIfUnavailable(queue);
    }
  }

  onLinkOpen(link: Link, nowMs: number): void {
    this.#sendBy(link, nowMs);
  }

  /** What was sent to it goes back; other connections' requests do not notice. */
  onLinkLost(link: Link, nowMs: number): void {
    for (const queue of this.#queues.values()) {
      for (const pending of queue.unanswered.list()) {
        if (pending.state !== 'sent' || pending.link !== link) continue;
        this.#byId.delete(pending.id);
        this.#takeBack(queue, pending, { mayHaveReachedPrimary: true, by: 'lostConnection' });
      }
    }
    this.#sendBy(link, nowMs);
  }

  onTick(nowMs: number): void {
    for (const queue of this.#pausing) {
      if (queue.retryAtMs > nowMs) continue;
      this.#pausing.delete(queue);
      this.#throttled.delete(queue);
      this.#send(queue, nowMs);
    }
  }

  onAnswer(answer: ClientAnswer | ErrorAnswer | RolledBack, nowMs: number): void {
    const pending = this.#byId.get(answer.id);
    if (pending === undefined) return;
    const isCurrent = pending.id === answer.id;
    // A lock of an older epoch has ended with it.
    const isLate = !isCurrent && (!isFinal(answer) || pending.request.body.kind === 'lock');
    if (isLate) this.#byId.delete(answer.id);
    else if (answer.type === 'errorAnswer') this.#onRefusal(pending, answer, nowMs);
    else if (answer.type === 'rolledBack')
      this.#onAnswered(pending, this.#deadlineError(pending, 'not_applied'), nowMs);
    else {
      this.#queueOf(pending).failures = 0;
      if (isCurrent && pending.attempt === 1 && isWrite(pending) && !isAcquisition(pending)) {
        this.#usualAnswer.note(nowMs - pending.sentMs);
      }
      this.#onAnswered(pending, this.#options.onAnswered(pending, answer), nowMs);
    }
  }

  /**
   * Gives a write up of which some attempt may have had an effect, or may yet: asks what became of it until its deadline.
   * Does nothing if it is no such write, or is asked for already.
   */
  giveUp(pending: Pending, nowMs: number): void {
    if (!isWrite(pending) || pending.isGivenUp || pending.state === 'done' || !mayHaveReached(pending)) return;
    pending.isGivenUp = true;
    const queue = this.#queueOf(pending);
    if (pending.state === 'sent') {
      pending.olderIds = [...pending.olderIds, pending.id];
      this.#takeBack(queue, pending, { mayHaveReachedPrimary: true, by: 'newRoute' });
    }
    // A pause is for those that are to be tried again; nor does this one keep its place among them.
    const to = this.#openLinkOf(queue.partition);
    if (to !== undefined) {
      queue.returnedCount -= 1;
      this.#sendOne(queue, pending, { ...to, nowMs });
    }
  }

  /** At its deadline: nobody could say. */
  expire(pending: Pending, nowMs: number): void {
    this.finish(pending, this.#deadlineError(pending), nowMs);
  }

  /** Before a newer route takes effect: this attempt was refused, so it need not count as one that may have reached. */
  onRefusedByOldRoute(answer: ErrorAnswer): void {
    const pending = this.#byId.get(answer.id);
    if (pending === undefined) return;
    this.#byId.delete(answer.id);
    const how = { mayHaveReachedPrimary: false, by: 'newRoute' } as const;
    if (pending.id === answer.id) this.#takeBack(this.#queueOf(pending), pending, how);
  }

  /** Ends a request and sends what it made room for. */
  finish(pending: Pending, result: ClientAnswer | GridError, nowMs: number): void {
    this.end(pending, result);
    const queue = this.#queueOf(pending);
    if (queue.waiting.first() !== undefined) this.#send(queue, nowMs);
  }

  /** The one end of every request that was enqueued; sends nothing. */
  end(pending: Pending, result: ClientAnswer | GridError): void {
    assert(pending.state !== 'done', 'a request ends once');
    const queue = this.#queueOf(pending);
    if (pending.state === 'returned') queue.returnedCount -= 1;
    pending.state = 'done';
    this.#byId.delete(pending.id);
    if (pending.olderIds.length > 0) for (const id of pending.olderIds) this.#byId.delete(id);
    queue.release(pending);
    this.#options.onEnd(pending, result);
    tell(pending.done, result);
  }

  list(): Pending[] {
    return [...this.#queues.values()].flatMap(({ unanswered, waiting }) => [...unanswered.list(), ...waiting.list()]);
  }

  /** Why the primary cannot be reached now; empty if it can. */
  whyUnavailable(partition: PartitionId): string {
    const route = this.#routes.routeOf(partition);
    if (route === undefined) return this.#routes.unplaceable(partition) || 'the partition has not been placed yet';
    if (route.address === '') return 'the partition has no primary';
    const link = this.#links.at(route.address);
    if (link.state === 'open') return '';
    return `its primary ${route.primary} at ${route.address} cannot be reached: ${link.reason || 'connecting'}`;
  }

  #sendBy(link: Link, nowMs: number): void {
    for (const queue of this.#queues.values()) {
      const isConcerned = queue.returnedCount > 0 || this.#routes.routeOf(queue.partition)?.address === link.url;
      if (isConcerned) this.#send(queue, nowMs);
    }
  }

  /** Sends what can be sent now: first what was sent before, then what waits, both in the order of the calls. */
  #send(queue: PartitionQueue, nowMs: number): void {
    const route = this.#routes.routeOf(queue.partition);
    const link = route === undefined || route.address === '' ? undefined : this.#links.at(route.address);
    if (link !== undefined) this.#links.dial(link, nowMs);
    if (route === undefined || link === undefined || link.state !== 'open') {
      const isFirstDial = link?.state === 'dialling' && link.failures === 0;
      if (!isFirstDial) this.#failIfUnavailable(queue);
      return;
    }
    if (queue.retryAtMs > nowMs) {
      this.#pausing.add(queue);
      return;
    }
    if (queue.returnedCount > 0) {
      for (const pending of queue.unanswered.list()) {
        if (pending.state !== 'returned') continue;
        if (!this.#mayRetry(pending, nowMs)) {
          this.#throttle(queue, nowMs);
          return;
        }
        queue.returnedCount -= 1;
        this.#sendOne(queue, pending, { link, route, nowMs });
      }
    }
    for (let next = queue.nextToSend(); next !== undefined; next = queue.nextToSend()) {
      queue.admitWaiting(next);
      this.#budget.onRequest(nowMs);
      this.#sendOne(queue, next, { link, route, nowMs });
    }
    const waiting = queue.waiting.first();
    if (waiting !== undefined) this.#makeRoom(queue, { waiting, nowMs });
  }

  /** Who waits for a lock holds a place in the primary's memory: not against the writes of those who have one. It may ask anew. */
  #makeRoom(queue: PartitionQueue, { waiting, nowMs }: { readonly waiting: Pending; readonly nowMs: number }): void {
    const { oldest } = queue.unanswered;
    if (oldest !== undefined && isAcquisition(oldest) && !isAcquisition(waiting)) this.giveUp(oldest, nowMs);
  }

  #sendOne(
    queue: PartitionQueue,
    pending: Pending,
    { link, route, nowMs }: { readonly link: Link; readonly route: Route; readonly nowMs: number },
  ): void {
    assert(link.connection !== undefined, 'an open link has a connection');
    pending.id = this.#options.nextId();
    pending.state = 'sent';
    pending.link = link;
    pending.sentEpoch = route.epoch;
    pending.sentLineage = route.lineage;
    pending.sentMs = nowMs;
    this.#byId.set(pending.id, pending);
    const remainingMs = this.#endOfAttempt(pending, nowMs) - nowMs;
    const message = messageOf(pending, { route, remainingMs, ackedBelow: queue.ackedBelow });
    this.#options.effects.send(link.connection, message);
  }

  /** A write leaves time to ask what became of it, also one that is sent so late. */
  #endOfAttempt(pending: Pending, nowMs: number): number {
    const { deadlineMs } = pending;
    if (!isWrite(pending) || pending.isGivenUp) return deadlineMs;
    if (pending.resolveAtMs <= nowMs) {
      pending.resolveAtMs = nowMs + (deadlineMs - nowMs) / 2;
      this.#options.onResolveAt(pending);
    }
    return pending.resolveAtMs;
  }

  #mayRetry(pending: Pending, nowMs: number): boolean {
    if (pending.returnedBy === 'newRoute' || pending.isGivenUp) return true;
    if (pending.returnedBy === 'refusal' && !this.#budget.hasRoom(nowMs)) return false;
    this.#budget.onRetry(nowMs);
    pending.isBudgeted = true;
    return true;
  }

  #throttle(queue: PartitionQueue, nowMs: number): void {
    queue.throttles += 1;
    queue.retryAtMs = nowMs + backoffMs(this.#options.random, queue.throttles, THROTTLED_BACKOFF);
    this.#pausing.add(queue);
    this.#throttled.add(queue);
  }

  /** An answer that ends it. */
  #onAnswered(pending: Pending, result: ClientAnswer | GridError, nowMs: number): void {
    this.finish(pending, result, nowMs);
    if (!pending.isBudgeted) return;
    this.#budget.giveBack();
    for (const queue of this.#throttled) {
      if (!this.#budget.hasRoom(nowMs)) return;
      this.#throttled.delete(queue);
      queue.throttles = 0;
      queue.retryAtMs = nowMs;
      this.#send(queue, nowMs);
    }
  }

  #deadlineError(pending: Pending, outcome?: Outcome): GridError {
    const { partition } = pending.request;
    const container = this.#routes.routeOf(partition)?.primary ?? '';
    return deadlineError(pending, { unavailable: this.whyUnavailable(partition), container }, outcome);
  }

  #openLinkOf(partition: PartitionId): { readonly link: Link; readonly route: Route } | undefined {
    const route = this.#routes.routeOf(partition);
    if (route === undefined || route.address === '') return undefined;
    const link = this.#links.at(route.address);
    return link.state === 'open' ? { link, route } : undefined;
  }

  /** Sent by an older route: a stopped process keeps its connection open, and nobody must wait for it. */
  #supersede(queue: PartitionQueue): void {
    for (const pending of queue.unanswered.list()) {
      if (pending.state === 'returned') pending.returnedBy = 'newRoute';
      if (pending.state !== 'sent') continue;
      pending.olderIds = [...pending.olderIds, pending.id];
      this.#takeBack(queue, pending, { mayHaveReachedPrimary: true, by: 'newRoute' });
    }
  }

  /** The current attempt is over without an outcome: the request is to be sent again. */
  #takeBack(
    queue: PartitionQueue,
    pending: Pending,
    { mayHaveReachedPrimary, by }: { readonly mayHaveReachedPrimary: boolean; readonly by: Pending['returnedBy'] },
  ): void {
    assert(pending.state === 'sent', 'only a sent request comes back');
    if (mayHaveReachedPrimary) {
      pending.inDoubt = true;
      // A question is no attempt.
      if (!pending.isGivenUp) pending.attempt += 1;
    }
    pending.state = 'returned';
    pending.returnedBy = by;
    pending.id = 0;
    pending.link = undefined;
    queue.returnedCount += 1;
  }

  #onRefusal(pending: Pending, answer: ErrorAnswer, nowMs: number): void {
    const error = answeredError(pending, answer);
    switch (error.code) {
      case 'not_primary':
        this.#retryLater(pending, { error, mayHaveReachedPrimary: false, nowMs });
        this.#options.onWrongRoute();
        return;
      case 'overloaded':
        // A map or a container that is full stays so for longer than a moment.
        if (error.details.limit !== undefined && !isWriteInDoubt(pending)) break;
        this.#retryLater(pending, { error, mayHaveReachedPrimary: false, nowMs });
        return;
      case 'unavailable':
        if (this.#options.onUnavailable === 'fail' && !isWriteInDoubt(pending)) break;
        this.#retryLater(pending, { error, mayHaveReachedPrimary: false, nowMs });
        return;
      case 'timeout':
      case 'aborted':
      case 'closed':
        // The outcome is unknown there; another attempt may learn it, unless the time is as good as over.
        if (error.code === 'timeout' && this.#isAsGoodAsOver(pending, nowMs)) {
          if (!isWrite(pending) || pending.isGivenUp) break;
          pending.lastRefusal = error;
          this.giveUp(pending, nowMs);
          return;
        }
        this.#retryLater(pending, { error, mayHaveReachedPrimary: true, nowMs });
        return;
      default:
    }
    this.#onAnswered(pending, error, nowMs);
  }

  /** Its last part, or what is left of that: a server gives up a little earlier, so that its word still arrives. */
  #isAsGoodAsOver(pending: Pending, nowMs: number): boolean {
    const { isGivenUp, resolveAtMs, deadlineMs, request } = pending;
    const endMs = isWrite(pending) && !isGivenUp ? resolveAtMs : deadlineMs;
    return endMs - nowMs <= 2 * answerMarginMs(request.timeoutMs);
  }

  #retryLater(
    pending: Pending,
    { error, mayHaveReachedPrimary, nowMs }: { error: GridError; mayHaveReachedPrimary: boolean; nowMs: number },
  ): void {
    const queue = this.#queueOf(pending);
    const isOldRoute = (this.#routes.routeOf(queue.partition)?.epoch ?? 0) > pending.sentEpoch;
    this.#byId.delete(pending.id);
    this.#takeBack(queue, pending, { mayHaveReachedPrimary, by: 'refusal' });
    pending.lastRefusal = error;
    // Refusals that come together count once.
    if (!isOldRoute && queue.retryAtMs <= nowMs) {
      queue.failures += 1;
      queue.retryAtMs = nowMs + backoffMs(this.#options.random, queue.failures, REFUSED_BACKOFF);
    }
    this.#send(queue, nowMs);
  }

  #failIfUnavailable(queue: PartitionQueue): void {
    const unplaceable = this.#routes.unplaceable(queue.partition);
    if (unplaceable === '' && this.#options.onUnavailable === 'wait') return;
    const failing = queue.waiting.list();
    for (const pending of queue.unanswered.list()) {
      if (pending.state === 'returned' && !isWriteInDoubt(pending)) failing.push(pending);
    }
    const reason = unplaceable || this.whyUnavailable(queue.partition);
    for (const pending of failing) {
      // `done` of one may have ended another.
      if (pending.state !== 'done') this.end(pending, unavailableError(pending, reason));
    }
  }

  #queueOf(pending: Pending): PartitionQueue {
    const queue = this.#queues.get(pending.request.partition);
    assert(queue !== undefined, 'an enqueued request has a queue');
    return queue;
  }
}

/** Only its own retries can tell what became of it. */
function isWriteInDoubt(pending: Pending): boolean {
  return pending.inDoubt && isWrite(pending);
}

/** Also of an older attempt. That it had no effect then says nothing of the newer ones. */
function isFinal(answer: ClientAnswer | ErrorAnswer | RolledBack): boolean {
  if (answer.type === 'writeAnswer') return answer.applied;
  return answer.type !== 'errorAnswer' && answer.type !== 'rolledBack';
}
