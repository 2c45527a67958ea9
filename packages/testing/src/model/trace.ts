/** Tells a path of action numbers as steps that a person can follow. */
import { must } from '@ostraca/core';
import { successorIn } from './breadth-first.ts';
import { abortRecordOf, type Model } from './rules.ts';
import { spaceOf } from './search.ts';
import {
  ACTING,
  abortedBy,
  at,
  CANDIDATE,
  CATALOG_EPOCH,
  CATALOG_KEEP,
  CATALOG_MEMBERS,
  CATALOG_PRIMARY,
  CHANGES,
  DECIDED,
  ELR_DEAD,
  EPOCH,
  EVICT_ACCEPTED,
  EVICT_ASKED,
  epochOfRecord,
  isInSync,
  KEEP_ALL,
  keepOf,
  kindOf,
  type Layout,
  LENGTH,
  MEMBERS,
  OUT,
  PLACEHOLDERS,
  REQUEST,
  recordIn,
  replicaAt,
  SYNC,
  transactionOf,
} from './state.ts';
import { type Action, actionOf } from './step.ts';

export interface TraceStep {
  readonly what: string;
  /** The catalog and each replica after the step. */
  readonly state: readonly string[];
}

/** Repeats the actions from the first state on. */
export function tell(model: Model, path: readonly number[]): TraceStep[] {
  const space = spaceOf(model);
  let state = space.first;
  return path.map((code) => {
    const after = must(successorIn(space, state, code), 'the action that the search took');
    const told = { before: state, after, action: actionOf(code) };
    const what = describe(model, told) + describeReceived(model.layout, told);
    state = after;
    return { what, state: describeState(model, after) };
  });
}

interface Told {
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  readonly action: Action;
}

function describe({ layout }: Model, { before, after, action }: Told): string {
  const { name, actor, object, option } = action;
  const own = replicaAt(layout, actor);
  const epoch = at(before, own + EPOCH);
  const who = `r${actor} (primary of epoch ${epoch})`;
  const last = at(after, own + LENGTH);
  const transactionAtLsn = () => `T${transactionOf(recordIn(layout, before, epoch, object)) + 1}`;
  switch (name) {
    case 'submit':
      return `${who} appends T${object + 1} at lsn ${last}`;
    case 'retry':
      return `${who} executes the retry of T${object + 1}: appends it at lsn ${last}`;
    case 'refuseRetry':
      return `${who} answers the retry of T${object + 1}: ROLLED BACK, nothing was applied`;
    case 'abort':
      return `${who} aborts ${transactionAtLsn()} (lsn ${object}) by a record at lsn ${last}`;
    case 'decide':
      return describeDecision(layout, { before, after, action });
    case 'answerAbort':
      return `${who} answers: ${transactionAtLsn()} (lsn ${object}) is ROLLED BACK`;
    case 'loseAnswer':
      return `${who} answers: ${transactionAtLsn()} (lsn ${object}) is rolled back; the client does not get it`;
    case 'startAdd':
      return `${who} takes r${object} as a candidate into S+`;
    case 'evict':
      return `${who} asks to evict r${object}, keepLsn ${option}${describeAccepted(layout, before, after)}`;
    case 'add':
      return `${who} asks to add r${object}${describeAccepted(layout, before, after)}`;
    case 'accept':
      return `catalog accepts: ${describeCatalog(layout, after)}`;
    case 'learn':
      return `${who} learns of the change: ${describeMembers(layout, after, own + MEMBERS)}`;
    case 'promoteFromSync':
      return `catalog promotes r${actor} from S: ${describeCatalog(layout, after)}`;
    case 'promoteFromElr':
      return `catalog promotes r${actor} from ELR, ${option === 15 ? 'no keepLsn' : `keepLsn ${option}`}: ${describeCatalog(layout, after)}`;
    case 'takeOver':
      return describeTakeOver(layout, { before, after, action });
    case 'join':
      return `r${actor} joins epoch ${object}; it keeps lsn 1..${option}`;
    case 'report':
      return `r${actor} joins epoch ${object} and reports its placeholder`;
    case 'refuse':
      return `r${actor} refuses lsn ${option} of epoch ${object}: holds a placeholder, and says so`;
    case 'crash':
      return `r${actor} crashes, loses its memory and starts again`;
  }
}

/** If asking, accepting and learning are one step. */
function describeAccepted(layout: Layout, before: Uint8Array, after: Uint8Array): string {
  if (at(before, CHANGES) === at(after, CHANGES)) return '';
  return `; the catalog accepts: ${describeCatalog(layout, after)}`;
}

function describeTakeOver(layout: Layout, { before, after, action }: Told): string {
  const { actor, object, option } = action;
  const length = at(after, replicaAt(layout, actor) + LENGTH);
  const base = object >> 4;
  const received = object & 15;
  const joined = base > at(before, replicaAt(layout, actor) + EPOCH) ? `joins epoch ${base}, ` : '';
  const cut = length < received ? `, cuts to lsn ${length},` : '';
  const takes = `takes over epoch ${option & 15}, knowing lsn ${option >> 4} to be decided`;
  return `r${actor} ${joined}has received lsn 1..${received} of epoch ${base}${cut} and ${takes}`;
}

/** The messages that arrived within the step: who has joined, and holds, what it did not before. */
function describeReceived(layout: Layout, { before, after, action }: Told): string {
  if (action.name === 'crash' || action.name === 'takeOver') return '';
  const received: string[] = [];
  for (let replica = 0; replica < layout.replicas; replica++) {
    const index = replicaAt(layout, replica);
    if (at(after, index + ACTING) === 1) continue;
    const epoch = at(after, index + EPOCH);
    const hasJoined = epoch !== at(before, index + EPOCH);
    if (!hasJoined && at(after, index + LENGTH) === at(before, index + LENGTH)) continue;
    const held = `holds lsn 1..${at(after, index + LENGTH)} of epoch ${epoch} and votes`;
    received.push(`r${replica} ${hasJoined ? `joins epoch ${epoch}, ` : ''}${held}`);
  }
  return received.length === 0 ? '' : ` [${received.join('; ')}]`;
}

function describeDecision(layout: Layout, { before, action }: Told): string {
  const { actor, object, option } = action;
  const own = replicaAt(layout, actor);
  const epoch = at(before, own + EPOCH);
  const record = recordIn(layout, before, epoch, object);
  const isAborted = abortRecordOf(layout, before, epoch, object, at(before, own + LENGTH)) > 0;
  const who = `r${actor} (primary of epoch ${epoch})`;
  if (transactionOf(record) < 0) return `${who} decides lsn ${object}, an abort record`;
  const what = `T${transactionOf(record) + 1} (lsn ${object})`;
  if (!isAborted) return `${who} decides lsn ${object}: ${what} is COMMITTED`;
  return `${who} decides lsn ${object}: ${what} is aborted, ${option === 1 ? 'ROLLED BACK' : 'the client does not hear it'}`;
}

function describeState({ layout }: Model, state: Uint8Array): string[] {
  const lines = [`catalog: ${describeCatalog(layout, state)}`];
  for (let replica = 0; replica < layout.replicas; replica++) {
    const own = replicaAt(layout, replica);
    const epoch = at(state, own + EPOCH);
    if (epoch === 0) {
      lines.push(`r${replica}: empty`);
      continue;
    }
    const records: string[] = [];
    for (let lsn = 1; lsn <= at(state, own + LENGTH); lsn++) {
      const record = recordIn(layout, state, epoch, lsn);
      const content = transactionOf(record) >= 0 ? `T${transactionOf(record) + 1}` : `abort ${abortedBy(record)}`;
      const isPlaceholder = (at(state, own + PLACEHOLDERS) & (1 << (lsn - 1))) !== 0;
      records.push(`${content}@${epochOfRecord(record)}${isPlaceholder ? ' (placeholder)' : ''}`);
    }
    const log = `log [${records.join(', ')}] decided ${at(state, own + DECIDED)}`;
    const members = at(state, own + ACTING) === 1 ? `, primary, ${describeMembers(layout, state, own + MEMBERS)}` : '';
    lines.push(`r${replica}: epoch ${epoch}${members}${describeRequest(state, own)}, ${log}`);
  }
  return lines;
}

function describeRequest(state: Uint8Array, own: number): string {
  const candidate = at(state, own + CANDIDATE);
  const request = at(state, own + REQUEST);
  const pending = request === EVICT_ASKED || request === EVICT_ACCEPTED ? ', eviction pending' : '';
  return `${candidate > 0 ? `, candidate r${candidate - 1}` : ''}${pending}`;
}

function describeCatalog(layout: Layout, state: Uint8Array): string {
  const keep = at(state, CATALOG_KEEP);
  const members = describeMembers(layout, state, CATALOG_MEMBERS);
  const primary = `epoch ${at(state, CATALOG_EPOCH)}, primary r${at(state, CATALOG_PRIMARY)}, ${members}`;
  return keep > 0 ? `${primary}, promoted with keepLsn ${keep - 1}` : primary;
}

function describeMembers(layout: Layout, state: Uint8Array, members: number): string {
  const sync: string[] = [];
  const elr: string[] = [];
  for (let replica = 0; replica < layout.replicas; replica++) {
    const member = at(state, members + replica);
    const kind = kindOf(member);
    if (kind === OUT) continue;
    if (isInSync(member)) sync.push(kind === SYNC ? `r${replica}` : `r${replica} (gone)`);
    else
      elr.push(
        `r${replica}: ${keepOf(member) === KEEP_ALL ? 'ALL' : keepOf(member)}${kind === ELR_DEAD ? ' (gone)' : ''}`,
      );
  }
  return `S={${sync.join(', ')}} ELR={${elr.join(', ')}}`;
}
