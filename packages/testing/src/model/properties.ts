/**
 * What must hold in every state, checked at the actions that could break it: a decision, an answer, a cut, a take-over.
 *
 * | name    | here                                                                                        |
 * | ------- | ------------------------------------------------------------------------------------------- |
 * | I-ACK   | a committed record is in the log of every later primary, held and not aborted               |
 * | I-ABORT | a transaction whose client was told "rolled back" is not committed                          |
 * | I-AGREE | nobody decides another record, or another outcome, at an lsn that somebody decided          |
 * | I-MIN   | when committed, minSyncReplicas + 1 different lives had appended the record                  |
 * | I-ONCE  | a transaction is committed once, and the answer to its retry agrees                         |
 * | P1      | a primary from ELR never cuts below what it knows to be decided                             |
 * | N2      | no follower cuts below what it knows to be decided                                          |
 *
 * Every decision to commit counts as answered: that demands more of the rules than the clients could see.
 */
import { abortRecordOf, type Model } from './rules.ts';
import {
  ABORTED,
  ACTING,
  at,
  COMMITTED,
  decidedAt,
  EPOCH,
  EPOCH_LENGTH,
  epochAt,
  epochOfRecord,
  type Layout,
  LENGTH,
  PLACEHOLDERS,
  ROLLED_BACK,
  recordIn,
  refusedAt,
  replicaAt,
  transactionAt,
  transactionOf,
  votesAt,
} from './state.ts';
import { actingPrimaryOf } from './step.ts';

export function outcomeOf(byte: number): number {
  return byte >> 3;
}

/** Whether some record of the transaction was decided to be committed. */
export function isCommitted(layout: Layout, state: Uint8Array, transaction: number): boolean {
  for (let lsn = 1; lsn <= layout.lsnMax; lsn++) {
    const entry = decidedAt(layout, lsn);
    if (transactionOf(at(state, entry)) !== transaction) continue;
    if (outcomeOf(at(state, entry + 1)) === COMMITTED) return true;
  }
  return false;
}

/** I-ACK, for a primary that has just taken over `epoch`. */
export function lostAtTakeOver(model: Model, state: Uint8Array, primary: number): string | undefined {
  for (let lsn = 1; lsn <= model.layout.lsnMax; lsn++) {
    const lost = lostRecord(model, state, primary, lsn);
    if (lost !== undefined) return lost;
  }
  return undefined;
}

/** I-ACK, for one decided lsn and one primary of a later epoch than that of the decision. */
function lostRecord({ layout }: Model, state: Uint8Array, primary: number, lsn: number): string | undefined {
  const primaryAt = replicaAt(layout, primary);
  const epoch = at(state, primaryAt + EPOCH);
  const entry = decidedAt(layout, lsn);
  const record = at(state, entry);
  const how = at(state, entry + 1);
  const transaction = transactionOf(record);
  if (transaction < 0 || outcomeOf(how) !== COMMITTED || (how & 7) >= epoch) return undefined;
  const what = `I-ACK: committed T${transaction + 1} (lsn ${lsn})`;
  const length = at(state, primaryAt + LENGTH);
  if (lsn > length || recordIn(layout, state, epoch, lsn) !== record) {
    return `${what} is not in the log of r${primary}, primary of epoch ${epoch}`;
  }
  if (abortRecordOf(layout, state, epoch, lsn, length) > 0) {
    return `${what} is aborted in the log of r${primary}, primary of epoch ${epoch}`;
  }
  if ((at(state, primaryAt + PLACEHOLDERS) & (1 << (lsn - 1))) !== 0) {
    return `${what} is only a placeholder in the log of r${primary}, primary of epoch ${epoch}`;
  }
  return undefined;
}

/** I-AGREE, before the decision is written down: what was decided at this lsn, and is not this. */
export function disagreement(
  { layout }: Model,
  state: Uint8Array,
  lsn: number,
  decision: { readonly record: number; readonly outcome: number },
): string | undefined {
  const entry = decidedAt(layout, lsn);
  const known = at(state, entry);
  if (known === 0) return undefined;
  if (known !== decision.record) {
    return `I-AGREE: two records decided at lsn ${lsn}, of epochs ${epochOfRecord(known)} and ${epochOfRecord(decision.record)}`;
  }
  if (outcomeOf(at(state, entry + 1)) === decision.outcome) return undefined;
  return `I-AGREE: the record at lsn ${lsn} was decided to be ${decision.outcome === ABORTED ? 'committed, then aborted' : 'aborted, then committed'}`;
}

/** I-ABORT, I-ONCE, I-MIN and I-ACK of a commit that was just decided by `primary` at `lsn`. */
export function brokenByCommit(model: Model, state: Uint8Array, primary: number, lsn: number): string | undefined {
  const { layout } = model;
  const epoch = at(state, replicaAt(layout, primary) + EPOCH);
  const record = recordIn(layout, state, epoch, lsn);
  const transaction = transactionOf(record);
  if (transaction < 0) return undefined;
  if (at(state, transactionAt(layout, transaction) + ROLLED_BACK) === 1) {
    return `I-ABORT: T${transaction + 1} is committed (lsn ${lsn}), but its client was told "rolled back"`;
  }
  for (let other = 1; other <= layout.lsnMax; other++) {
    const entry = decidedAt(layout, other);
    if (other === lsn || transactionOf(at(state, entry)) !== transaction) continue;
    if (outcomeOf(at(state, entry + 1)) === COMMITTED) {
      return `I-ONCE: T${transaction + 1} is committed twice, at lsn ${other} and ${lsn}`;
    }
  }
  const holders = holderCount(model, state, primary, lsn);
  if (holders <= model.bounds.minSync) return `I-MIN: T${transaction + 1} is committed when ${holders} held it`;
  for (let later = 0; later < layout.replicas; later++) {
    const laterAt = replicaAt(layout, later);
    if (at(state, laterAt + ACTING) === 0 || at(state, laterAt + EPOCH) <= epoch) continue;
    const lost = lostRecord(model, state, later, lsn);
    if (lost !== undefined) return lost;
  }
  return undefined;
}

/**
 * How many different lives had appended the record: the primary, those that voted for it, those that hold it from an earlier
 * epoch, and the primary that wrote it, though it may be gone. That one is not known by name: if it no longer acts and still
 * holds the record, it is counted twice, so that of inherited records a little too much is believed, and never too little.
 * (A follower of an earlier epoch that is gone is not counted; no rule may rest on that.)
 */
function holderCount(model: Model, state: Uint8Array, primary: number, lsn: number): number {
  const { layout } = model;
  const bit = 1 << (lsn - 1);
  const epoch = at(state, replicaAt(layout, primary) + EPOCH);
  const record = recordIn(layout, state, epoch, lsn);
  const writtenIn = epochOfRecord(record);
  let count = writtenIn < epoch && actingPrimaryOf(model, state, writtenIn) < 0 ? 2 : 1;
  for (let replica = 0; replica < layout.replicas; replica++) {
    if (replica === primary) continue;
    const hasRefused = (at(state, refusedAt(layout, primary) + replica) & bit) !== 0;
    const hasVoted = at(state, votesAt(layout, primary) + replica) > lsn && !hasRefused;
    if (hasVoted || holds(layout, state, replica, lsn, record)) count++;
  }
  return count;
}

function holds(layout: Layout, state: Uint8Array, replica: number, lsn: number, record: number): boolean {
  const replicaIndex = replicaAt(layout, replica);
  const epoch = at(state, replicaIndex + EPOCH);
  if (epoch === 0 || lsn > at(state, replicaIndex + LENGTH)) return false;
  if (lsn > at(state, epochAt(layout, epoch) + EPOCH_LENGTH)) return false;
  const isPlaceholder = (at(state, replicaIndex + PLACEHOLDERS) & (1 << (lsn - 1))) !== 0;
  return !isPlaceholder && recordIn(layout, state, epoch, lsn) === record;
}
