/** Requests that a primary tries again: when something that they may wait for has changed, and on ticks. */
import type { Primary } from '../replication/primary.ts';
import type { PendingRequest } from './request.ts';

export function wait(primary: Primary, request: PendingRequest): void {
  primary.waiting.push(request);
}

/** Tried again with the next outcome. */
export function waitForDecision(primary: Primary, request: PendingRequest): void {
  primary.wakesOnDecision = true;
  wait(primary, request);
}

/** Their wait for locks is over: they try again at the end of the turn. */
export function wake(primary: Primary, free: readonly PendingRequest[]): void {
  if (free.length === 0) return;
  primary.waiting.push(...free);
  primary.retryWaiting = true;
}
