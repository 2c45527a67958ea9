/**
 * The versions as witness. Entries carry (epoch, lsn), and the promise is that this is the order in which writes of a
 * key took effect (I-VER, I-LIN). So no search is needed to refute: of two operations one of which ended before the
 * other began, the later must not have the lower version; a value must come from a write that can have made it.
 *
 * What it refutes is refuted. What it passes may still be wrong where an answer has no version (an absent key): there
 * `linearizability.ts` searches.
 */
import { must } from '@ostraca/core';
import {
  compareVersions,
  formatOperation,
  formatVersion,
  type Operation,
  type Version,
  type Violation,
  writtenValue,
} from './history.ts';

/** Whether a key that was `present` may be absent without anybody's call. */
export type Excuse = (absence: Operation, present: Operation) => boolean;

/** All operations of one key. */
export function checkWitness(operations: readonly Operation[], excuse: Excuse = () => false): Violation[] {
  return [...checkOrigins(operations), ...checkRealTime(operations), ...checkAbsences(operations, excuse)];
}

/** Where each value that was seen came from: I-ABORT, I-ONCE and I-VER. */
function checkOrigins(operations: readonly Operation[]): Violation[] {
  const violations: Violation[] = [];
  const writes = new Map<string, Operation>();
  for (const operation of operations) {
    const value = writtenValue(operation.action);
    if (value !== undefined) writes.set(value, operation);
  }
  const versionOfValue = new Map<string, Version>();
  const valueOfVersion = new Map<string, string>();
  const note = (value: string, version: Version, operation: Operation): void => {
    const earlier = versionOfValue.get(value);
    if (earlier !== undefined && compareVersions(earlier, version) !== 0) {
      const what = `${value} under ${formatVersion(earlier)} and ${formatVersion(version)}: ${formatOperation(operation)}`;
      violations.push({ rule: 'I-ONCE', what });
    }
    versionOfValue.set(value, version);
    const text = formatVersion(version);
    const other = valueOfVersion.get(text);
    if (other !== undefined && other !== value) {
      violations.push({ rule: 'I-VER', what: `${text} is ${other} and ${value}: ${formatOperation(operation)}` });
    }
    valueOfVersion.set(text, value);
  };
  for (const operation of operations) {
    const { action, result } = operation;
    const value = writtenValue(action);
    if (result.kind === 'applied' && value !== undefined) note(value, result.version, operation);
    if (result.kind !== 'observed' || result.seen.kind !== 'entry') continue;
    note(result.seen.value, result.seen.version, operation);
    const origin = writes.get(result.seen.value);
    const why = whyNotFrom(origin, operation);
    if (why !== undefined) violations.push({ ...why, what: `${why.what}: ${formatOperation(operation)}` });
  }
  return violations;
}

function whyNotFrom(origin: Operation | undefined, read: Operation): Violation | undefined {
  if (origin === undefined) return { rule: 'I-VER', what: 'a value that nobody wrote' };
  if (origin.result.kind === 'not_applied' || origin.result.kind === 'observed') {
    return { rule: 'I-ABORT', what: `a write that was answered as not applied is seen, ${formatOperation(origin)}` };
  }
  if (origin.invokedMs > read.returnedMs) return { rule: 'I-LIN', what: 'a value from the future' };
  return undefined;
}

/** What an operation proves about the order: the version that held when it took effect. */
export function witnessOf({ result }: Operation): Version | undefined {
  if (result.kind === 'applied') return result.version;
  if (result.kind === 'observed' && result.seen.kind === 'entry') return result.seen.version;
  return undefined;
}

/** In the order of their ends, no operation may begin after the end of one with a higher version. */
function checkRealTime(operations: readonly Operation[]): Violation[] {
  const witnessed = operations.filter((operation) => witnessOf(operation) !== undefined);
  const byEnd = [...witnessed].sort((a, b) => a.returnedMs - b.returnedMs);
  const byStart = [...witnessed].sort((a, b) => a.invokedMs - b.invokedMs);
  const violations: Violation[] = [];
  let highest: Operation | undefined;
  let ended = 0;
  for (const operation of byStart) {
    for (; ended < byEnd.length; ended++) {
      const candidate = must(byEnd[ended], 'an ended operation');
      if (candidate.returnedMs >= operation.invokedMs) break;
      if (highest === undefined || compareVersions(witness(candidate), witness(highest)) > 0) highest = candidate;
    }
    if (highest === undefined) continue;
    const order = compareVersions(witness(operation), witness(highest));
    // A write makes a version that was not there before; a read may see the same again.
    const isStale = isWrite(operation) ? order <= 0 : order < 0;
    if (!isStale) continue;
    violations.push({
      rule: isWrite(operation) ? 'I-LIN' : 'I-ACK',
      what: `${formatOperation(operation)} came after ${formatOperation(highest)}`,
    });
  }
  return violations;
}

function witness(operation: Operation): Version {
  return must(witnessOf(operation), 'a witness');
}

function isWrite({ result }: Operation): boolean {
  return result.kind === 'applied';
}

interface Proof {
  readonly returnedMs: number;
  /** Of all up to this one. */
  newest: Operation;
}

/** By the time of the answer. */
function proofsOfPresence(operations: readonly Operation[]): readonly Proof[] {
  const proofs = operations
    .filter(provesPresence)
    .map((operation): Proof => ({ returnedMs: operation.returnedMs, newest: operation }))
    .sort((a, b) => a.returnedMs - b.returnedMs);
  let newest: Operation | undefined;
  for (const proof of proofs) {
    if (newest !== undefined && compareVersions(witness(newest), witness(proof.newest)) >= 0) proof.newest = newest;
    newest = proof.newest;
  }
  return proofs;
}

/** Of what was answered before. */
function newestBefore(proofs: readonly Proof[], ms: number): Operation | undefined {
  let low = 0;
  let high = proofs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((proofs[middle]?.returnedMs ?? ms) < ms) low = middle + 1;
    else high = middle;
  }
  return proofs[low - 1]?.newest;
}

/**
 * A key that was present is absent: somebody must have deleted it. Every delete that may have done so began before
 * the absence was seen; it ended after the newest write that had certainly ended by then had begun.
 */
function checkAbsences(operations: readonly Operation[], excuse: Excuse): Violation[] {
  const violations: Violation[] = [];
  const deletes = operations.filter(
    ({ action, result }) =>
      (action.kind === 'delete' || action.kind === 'clear') && (result.kind === 'applied' || result.kind === 'unknown'),
  );
  const proofs = proofsOfPresence(operations);
  for (const operation of operations) {
    const { result } = operation;
    if (result.kind !== 'observed' || result.seen.kind !== 'absent') continue;
    const present = newestBefore(proofs, operation.invokedMs);
    if (present === undefined) continue;
    const explained = deletes.some((deletion) => {
      if (deletion.invokedMs >= operation.returnedMs) return false;
      const version = witnessOf(deletion);
      if (version !== undefined) return compareVersions(version, witness(present)) > 0;
      return deletion.returnedMs > writeOf(operations, present).invokedMs;
    });
    if (explained || excuse(operation, present)) continue;
    violations.push({
      rule: 'I-ACK',
      what: `${formatOperation(operation)} though there was ${formatOperation(present)}`,
    });
  }
  return violations;
}

function provesPresence(operation: Operation): boolean {
  const { kind } = operation.action;
  return witnessOf(operation) !== undefined && kind !== 'delete' && kind !== 'clear';
}

function writeOf(operations: readonly Operation[], seen: Operation): Operation {
  if (seen.result.kind !== 'observed' || seen.result.seen.kind !== 'entry') return seen;
  const { value } = seen.result.seen;
  return operations.find(({ action }) => writtenValue(action) === value) ?? seen;
}
