/**
 * Requests, decisions and answers of an acting primary, be it the one that the catalog means or one long deposed.
 *
 * A transaction has two attempts. The first may arrive at any primary, as late as it likes; the second nowhere in an earlier
 * epoch than the first. Each arrives once: a request is on one connection. What is left out, because it adds nothing:
 * - a first attempt that is refused logs nothing and changes nothing; it is a first attempt that never arrived;
 * - an attempt that finds its transaction in the log or in the session table waits for the outcome, or is told it;
 * - a committed answer that is lost: a decision to commit is held against the rules in any case.
 *
 * A client that has sent its second attempt ignores every "rolled back" to the first. So each such answer is two actions:
 * `answerAbort`, and it counts; `loseAnswer`, and the client may still retry.
 */

import { begin, violate } from './breadth-first.ts';
import { cutBelowDecided } from './delivery.ts';
import { brokenByCommit, disagreement, isCommitted } from './properties.ts';
import {
  abortRecordOf,
  canAnswerAbort,
  canDecide,
  hasMin,
  isAckedByAll,
  isSettled,
  lsnOf,
  type Model,
  mayAbort,
  takeVotes,
} from './rules.ts';
import {
  ABORTED,
  ANSWERED,
  at,
  COMMITTED,
  DECIDED,
  decidedAt,
  EPOCH,
  EPOCH_DECIDED,
  epochAt,
  FIRST_ATTEMPT,
  LENGTH,
  RETRIES,
  ROLLED_BACK,
  recordByte,
  recordIn,
  replicaAt,
  SECOND_ATTEMPT,
  SOME_EPOCH,
  transactionAt,
  transactionOf,
} from './state.ts';
import { actionCode, appendRecord, type Step } from './step.ts';

export function expandTransactions(step: Step, primary: number): void {
  const { layout } = step.model;
  for (let transaction = 0; transaction < layout.transactions; transaction++) {
    expandAttempts(step, primary, transaction);
  }
  const primaryAt = replicaAt(layout, primary);
  const epoch = at(step.before, primaryAt + EPOCH);
  const length = at(step.before, primaryAt + LENGTH);
  const firstUndecided = at(step.before, primaryAt + DECIDED) + 1;
  for (let lsn = firstUndecided; lsn <= length; lsn++) {
    const abortRecord = abortRecordOf(layout, step.before, epoch, lsn, length);
    if (lsn === firstUndecided) expandDecision(step, primary, lsn, abortRecord);
    if (transactionOf(recordIn(layout, step.before, epoch, lsn)) < 0) continue;
    if (abortRecord > 0) expandAbortAnswer(step, primary, lsn, abortRecord);
    else if (mayAbort(step.model, step.before, primary, lsn)) {
      appendRecord(step.model, begin(step), primary, recordByte(epoch, 16 + lsn));
      step.emit(step, actionCode('abort', primary, lsn));
    }
  }
}

function expandAttempts(step: Step, primary: number, transaction: number): void {
  const { model, before } = step;
  const { layout } = model;
  // Transactions differ by name only: they are numbered in the order in which they first arrive anywhere.
  if (transaction > 0 && !hasArrived(model, before, transaction - 1)) return;
  const primaryAt = replicaAt(layout, primary);
  const epoch = at(before, primaryAt + EPOCH);
  const transactionIndex = transactionAt(layout, transaction);
  const first = at(before, transactionIndex + FIRST_ATTEMPT);
  const second = at(before, transactionIndex + SECOND_ATTEMPT);
  const isLogged = lsnOf(layout, before, epoch, transaction, at(before, primaryAt + LENGTH)) > 0;
  const canAppend = !isLogged && hasMin(model, before, primary);

  // In the epoch of the second attempt the session table knows the transaction.
  if (first === 0 && canAppend && (second === 0 || epoch < second)) {
    const after = begin(step);
    appendRecord(model, after, primary, recordByte(epoch, 1 + transaction));
    after[transactionIndex + FIRST_ATTEMPT] = epoch;
    step.emit(step, actionCode('submit', primary, transaction));
  }

  if (second !== 0 || at(before, RETRIES) >= model.bounds.retries) return;
  if (at(before, transactionIndex + ROLLED_BACK) === 1 || (first !== SOME_EPOCH && epoch < first)) return;
  if (canAppend) {
    const after = beginRetry(step, transactionIndex, epoch);
    appendRecord(model, after, primary, recordByte(epoch, 1 + transaction));
    step.emit(step, actionCode('retry', primary, transaction));
  }
  const looksSettled = model.broken.retrySession || model.broken.retryNoSession || isSettled(model, before, primary);
  if ((!isLogged || model.broken.retryNoSession) && looksSettled) {
    const after = beginRetry(step, transactionIndex, epoch);
    after[transactionIndex + ROLLED_BACK] = 1;
    if (isSettled(model, before, primary)) takeVotes(model, after, primary, 0);
    if (isCommitted(layout, before, transaction)) {
      violate(step, `I-ABORT: the retry of T${transaction + 1} is told "rolled back", but it is committed`);
    }
    step.emit(step, actionCode('refuseRetry', primary, transaction));
  }
}

function beginRetry(step: Step, transactionIndex: number, epoch: number): Uint8Array {
  const after = begin(step);
  after[RETRIES] = at(after, RETRIES) + 1;
  after[transactionIndex + SECOND_ATTEMPT] = epoch;
  return after;
}

function hasArrived({ layout }: Model, state: Uint8Array, transaction: number): boolean {
  const transactionIndex = transactionAt(layout, transaction);
  return at(state, transactionIndex + FIRST_ATTEMPT) + at(state, transactionIndex + SECOND_ATTEMPT) > 0;
}

function expandDecision(step: Step, primary: number, lsn: number, abortRecord: number): void {
  const { model, before } = step;
  if (!canDecide(model, before, primary, abortRecord)) return;
  decide(step, primary, lsn, abortRecord);
  const record = recordIn(model.layout, before, at(before, replicaAt(model.layout, primary) + EPOCH), lsn);
  const transaction = transactionOf(record);
  if (abortRecord > 0 && transaction >= 0 && answerReaches(step, primary, transaction)) {
    step.after[transactionAt(model.layout, transaction) + ROLLED_BACK] = 1;
    violateIfCommitted(step, transaction);
    step.emit(step, actionCode('decide', primary, lsn, 1));
    if (!canRetry(step, transaction)) return;
    decide(step, primary, lsn, abortRecord);
  }
  step.emit(step, actionCode('decide', primary, lsn));
}

function decide(step: Step, primary: number, lsn: number, abortRecord: number): void {
  const { model } = step;
  const { layout } = model;
  const after = begin(step);
  const primaryAt = replicaAt(layout, primary);
  const epoch = at(after, primaryAt + EPOCH);
  const record = recordIn(layout, after, epoch, lsn);
  const outcome = abortRecord > 0 ? ABORTED : COMMITTED;
  takeVotes(model, after, primary, abortRecord || lsn);
  after[primaryAt + DECIDED] = lsn;
  after[epochAt(layout, epoch) + EPOCH_DECIDED] = lsn;
  const broken = disagreement(model, after, lsn, { record, outcome });
  if (broken !== undefined) violate(step, broken);
  const entry = decidedAt(layout, lsn);
  if (at(after, entry) === 0) {
    after[entry] = record;
    after[entry + 1] = outcome * 8 + epoch;
  }
  if (outcome === COMMITTED) {
    const brokenToo = brokenByCommit(model, after, primary, lsn);
    if (brokenToo !== undefined) violate(step, brokenToo);
  }
  const cut = cutBelowDecided(model, after);
  if (cut !== undefined) violate(step, cut);
}

function expandAbortAnswer(step: Step, primary: number, lsn: number, abortRecord: number): void {
  const { model, before } = step;
  const { layout } = model;
  const primaryAt = replicaAt(layout, primary);
  const transaction = transactionOf(recordIn(layout, before, at(before, primaryAt + EPOCH), lsn));
  if (!canAnswerAbort(model, before, primary, lsn, abortRecord)) return;
  const answered = Math.max(at(before, primaryAt + ANSWERED), abortRecord);
  if (answerReaches(step, primary, transaction)) {
    const after = begin(step);
    after[transactionAt(layout, transaction) + ROLLED_BACK] = 1;
    after[primaryAt + ANSWERED] = answered;
    takeVotesUnlessBroken(step, primary, abortRecord);
    violateIfCommitted(step, transaction);
    step.emit(step, actionCode('answerAbort', primary, lsn));
  }
  if (answered > at(before, primaryAt + ANSWERED)) {
    begin(step)[primaryAt + ANSWERED] = answered;
    takeVotesUnlessBroken(step, primary, abortRecord);
    step.emit(step, actionCode('loseAnswer', primary, lsn));
  }
}

/** A mutant may answer without the votes; then none is used. */
function takeVotesUnlessBroken({ model, before, after }: Step, primary: number, lsn: number): void {
  if (isAckedByAll(model, before, primary, lsn)) takeVotes(model, after, primary, lsn);
}

/** Whether the client still takes "rolled back" from this primary: it is waiting for the attempt that arrived here. */
function answerReaches({ model, before }: Step, primary: number, transaction: number): boolean {
  const transactionIndex = transactionAt(model.layout, transaction);
  if (at(before, transactionIndex + ROLLED_BACK) === 1) return false;
  const second = at(before, transactionIndex + SECOND_ATTEMPT);
  return second === 0 || second === at(before, replicaAt(model.layout, primary) + EPOCH);
}

function canRetry({ model, before }: Step, transaction: number): boolean {
  const second = at(before, transactionAt(model.layout, transaction) + SECOND_ATTEMPT);
  return second === 0 && at(before, RETRIES) < model.bounds.retries;
}

function violateIfCommitted(step: Step, transaction: number): void {
  if (!isCommitted(step.model.layout, step.before, transaction)) return;
  violate(step, `I-ABORT: T${transaction + 1} is answered "rolled back", but it is committed`);
}
