/** The errors that the client makes itself, each with the outcome that its request can be given. */
import { type ErrorAnswer, type ErrorCode, errorCodeOf, GridError, type Outcome } from '@ostraca/core';
import { isWrite, mayHaveReached, type Pending } from './pending.ts';

/** What an ErrorAnswer says; a read changes nothing, whatever it says. */
export function answeredError(pending: Pending, answer: ErrorAnswer): GridError {
  const code = errorCodeOf(answer.code);
  const details = { ...factsOf(pending), ...parseDetails(answer.detailsJson) };
  return new GridError(code, isWrite(pending) ? { details } : { details, outcome: 'not_applied' });
}

interface Surroundings {
  /** Why the primary cannot be reached now; empty if it can. */
  readonly unavailable: string;
  readonly container: string;
}

/**
 * At the deadline: `unavailable` if it never reached a primary because there was none, otherwise `timeout`, and
 * what the last refusal said.
 */
export function deadlineError(
  pending: Pending,
  { unavailable, container }: Surroundings,
  outcome: Outcome = outcomeOf(pending),
): GridError {
  const { lastRefusal, request } = pending;
  const facts = { ...factsOf(pending), deadlineMs: request.timeoutMs };
  const heard = lastRefusal === undefined ? {} : { ...lastRefusal.details, lastCode: lastRefusal.code };
  if (mayHaveReached(pending)) {
    const reason = unavailable === '' ? {} : { reason: unavailable };
    const details = { ...heard, ...facts, container, attempts: pending.attempt, ...reason };
    return new GridError('timeout', { details, outcome });
  }
  if (lastRefusal?.code === 'overloaded') return new GridError('overloaded', { details: { ...heard, ...facts } });
  if (unavailable !== '') return unavailableError(pending, unavailable);
  if (lastRefusal !== undefined) return new GridError('unavailable', { details: { ...heard, ...facts, container } });
  const reason = 'earlier requests to the partition were not answered';
  return new GridError('timeout', { details: { ...facts, container, reason }, outcome: 'not_applied' });
}

export function unavailableError(pending: Pending, reason: string): GridError {
  return new GridError('unavailable', { details: { ...pending.lastRefusal?.details, ...factsOf(pending), reason } });
}

export function overflowError(pending: Pending, maxPendingBytes: number): GridError {
  const reason = 'maxPendingBytes of unanswered requests';
  return new GridError('overloaded', { details: { ...factsOf(pending), maxPendingBytes, reason } });
}

export function abortedError(pending: Pending, cause: unknown): GridError {
  return new GridError('aborted', { details: factsOf(pending), outcome: outcomeOf(pending), cause });
}

export function closedError(pending: Pending): GridError {
  return new GridError('closed', { details: factsOf(pending), outcome: outcomeOf(pending) });
}

export function connectRefused(
  code: ErrorCode,
  facts: { readonly grid: string; readonly address: string; readonly reason: string },
): GridError {
  return new GridError(code, { details: { ...facts } });
}

/** What a read was to see may be gone: the partition's history is not the one that the token is of. */
export function lineageLost(pending: Pending): GridError {
  const reason = 'decided writes may have been lost since the token was given';
  return new GridError('data_loss', { details: { ...factsOf(pending), reason }, outcome: 'not_applied' });
}

function outcomeOf(pending: Pending): Outcome {
  return isWrite(pending) && mayHaveReached(pending) ? 'unknown' : 'not_applied';
}

function factsOf(pending: Pending): { partition: number } {
  return { partition: pending.request.partition };
}

function parseDetails(json: string): Record<string, unknown> {
  try {
    const details: unknown = JSON.parse(json === '' ? '{}' : json);
    return typeof details === 'object' && details !== null ? { ...details } : {};
  } catch {
    return {};
  }
}
