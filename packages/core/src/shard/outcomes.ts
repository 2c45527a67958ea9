/**
 * What a client is told of a write: what the sessions remember of it (A2: they are asked first), and answers that rest
 * on no record. Shared by writes and by the questions what became of one.
 */
import type { ErrorDetails } from '../errors.ts';
import type { Commit, ResolveOrAbort, Write } from '../messages.ts';
import { isSettled, type Primary } from '../replication/primary.ts';
import type { RememberedRefusal } from '../replication/sessions.ts';
import type { ShardPorts } from './ports.ts';
import type { PendingRequest } from './request.ts';
import type { Shard } from './shard.ts';

/** A question is never the first that is heard of its write: an attempt of it may be held somewhere. */
const isRetry = (message: Write | Commit | ResolveOrAbort): boolean =>
  message.type === 'resolveOrAbort' || message.attempt > 1;

/**
 * Answers from memory, or joins the attempt that is in the log.
 *
 * @returns false: nothing is known of this write.
 */
export function answerFromMemory(
  shard: Shard,
  primary: Primary,
  ports: ShardPorts,
  { request, message }: { readonly request: PendingRequest; readonly message: Write | Commit | ResolveOrAbort },
): boolean {
  const { clientId } = request;
  const { id, seq, ackedBelow } = message;
  shard.sessions.noteActive(clientId, ports.nowMs());
  const attempt = shard.sessions.find(clientId, seq, ackedBelow);
  switch (attempt.is) {
    case 'done':
      ports.answer(request, { type: 'writeAnswer', id, epoch: attempt.epoch, lsn: attempt.lsn, applied: true });
      return true;
    case 'rolled_back':
      ports.answer(request, { type: 'rolledBack', id });
      return true;
    case 'in_progress':
      attach(primary, attempt.lsn, request);
      return true;
    case 'refused':
      answerNotApplied(ports, request, attempt.refusal, { partition: shard.partition });
      return true;
    case 'stale':
      ports.answerError(request, 'session_expired', { partition: shard.partition, seq });
      return true;
    case 'outside_window':
      ports.answerError(request, 'overloaded', { reason: 'too many requests of one client are outstanding' });
      return true;
    case 'new':
      return false;
  }
}

/** To be answered when the record is decided. */
export function attach(primary: Primary, lsn: number, request: PendingRequest): void {
  const attached = primary.attached.get(lsn);
  if (attached === undefined) primary.attached.set(lsn, [request]);
  else attached.push(request);
}

export interface NotApplied {
  readonly request: PendingRequest;
  readonly message: Write | Commit | ResolveOrAbort;
  readonly refusal: RememberedRefusal;
  readonly details: ErrorDetails;
}

/** A definitive answer without a record; a retry gets it only when it is a fact (A2). @returns whether it was given. */
export function notApplied(
  shard: Shard,
  primary: Primary,
  ports: ShardPorts,
  { request, message, refusal, details }: NotApplied,
): boolean {
  if (isRetry(message)) {
    if (!isSettled(shard, primary)) {
      primary.waiting.push(request);
      return false;
    }
    shard.sessions.refuse(request.clientId, message.seq, refusal);
  }
  answerNotApplied(ports, request, refusal, details);
  return true;
}

function answerNotApplied(
  ports: ShardPorts,
  request: PendingRequest,
  refusal: RememberedRefusal,
  details: ErrorDetails,
): void {
  if (refusal !== 'absent') return ports.answerError(request, refusal, details);
  ports.answer(request, { type: 'writeAnswer', id: request.message.id, epoch: 0, lsn: 0, applied: false });
}
