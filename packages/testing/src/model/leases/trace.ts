/** Tells a path of action numbers as steps that a person can follow. */
import { must } from '@ostraca/core';
import { successorIn } from '../breadth-first.ts';
import type { TraceStep } from '../trace.ts';
import { type Action, actionOf } from './actions.ts';
import type { LeaseModel } from './rules.ts';
import { leaseSpaceOf } from './search.ts';
import {
  ACTED,
  ACTS,
  ASKED,
  at,
  bitOf,
  CATALOG_ELR,
  CATALOG_EPOCH,
  CATALOG_LEASE,
  CATALOG_PRIMARY,
  CATALOG_START,
  CATALOG_SYNC,
  containerAt,
  ELR,
  EPOCH,
  FOLLOWS,
  GONE,
  GRANT,
  GRANTS_END,
  HAND_OVER,
  HELD_LEASE,
  LAGS,
  LIFE,
  PLUS,
  PROMISED,
  PROMISED_BEFORE,
  ROLE,
  SYNC,
} from './state.ts';

/** Repeats the actions from the first state on. */
export function tellLeases(model: LeaseModel, path: readonly number[]): TraceStep[] {
  const space = leaseSpaceOf(model);
  let state = space.first;
  return path.map((code) => {
    const before = state;
    state = must(successorIn(space, state, code), 'the action that the search took');
    return {
      what: describe(model, { before, after: state, action: actionOf(code) }),
      state: describeState(model, state),
    };
  });
}

interface Told {
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  readonly action: Action;
}

function describe({ layout }: LeaseModel, { before, after, action }: Told): string {
  const { name, actor, object, option } = action;
  const epoch = at(before, containerAt(layout, actor) + EPOCH);
  const who = `c${actor} (primary of epoch ${epoch})`;
  const wait = option === 1 ? '' : ', proved that the old primary is gone';
  switch (name) {
    case 'tick':
      return 'a tick passes';
    case 'restart':
      return 'the catalog starts again';
    case 'sleep':
      return `the machine of c${actor} falls asleep`;
    case 'wake':
      return `the machine of c${actor} wakes up`;
    case 'heartbeat':
      return `${who} has its lease renewed by the catalog`;
    case 'promise':
      return `c${object} promises ${who} not to act`;
    case 'read':
      return `${who} READS under its lease`;
    case 'decide':
      return `${who} DECIDES a write`;
    case 'tellFresh':
      return `${who} tells c${object} how fresh it is`;
    case 'readIndex':
      return `${who} READS without a lease: all that it must ask say that its epoch holds`;
    case 'readArrives':
      return `a read without a lease arrives at ${who}`;
    case 'epochAck':
      return `c${object} still follows ${who}, and says so`;
    case 'answerRead':
      return `${who} answers the read`;
    case 'open':
      return `c${object} follows ${who}`;
    case 'evict':
      return `${who} asks to evict c${object}; the catalog accepts: ${describeCatalog(after)}`;
    case 'add':
      return `${who} asks to add c${object}; the catalog accepts: ${describeCatalog(after)}`;
    case 'ownChange':
      return 'the catalog raises the version for a reason of its own';
    case 'learn':
      return `${who} hears of the newest configuration of its epoch`;
    case 'askHandOver':
      return `${who} gives up reading and deciding, and asks for its successor`;
    case 'handOver':
      return `the catalog grants it: ${describeCatalog(after)}`;
    case 'decline':
      return 'the catalog declines';
    case 'resume':
      return `${who} hears that it is to go on`;
    case 'promoteFromSync':
      return `the catalog promotes c${actor} from S${wait}: ${describeCatalog(after)}`;
    case 'promoteFromElr':
      return `the catalog promotes c${actor} from ELR${wait}: ${describeCatalog(after)}`;
    case 'takeOver':
      return `c${actor} takes over epoch ${object}`;
    case 'crash':
      return `c${actor} stops for good`;
  }
}

function describeState({ layout }: LeaseModel, state: Uint8Array): string[] {
  const lines = [
    `catalog: ${describeCatalog(state)}; leases end in ${at(state, CATALOG_LEASE)}, waits ${at(state, CATALOG_START)}; ` +
      `epoch ${at(state, ACTED)} has acted`,
  ];
  for (let container = 0; container < layout.containers; container++) {
    lines.push(`c${container}: ${describeContainer(layout.containers, state, containerAt(layout, container))}`);
  }
  return lines;
}

function describeContainer(containers: number, state: Uint8Array, own: number): string {
  if (at(state, own + LIFE) === GONE) return 'gone';
  const role = at(state, own + ROLE);
  const parts = [`epoch ${at(state, own + EPOCH)}${role === ACTS ? ', primary' : role === FOLLOWS ? ', follows' : ''}`];
  const promised = Math.max(at(state, own + PROMISED), at(state, own + PROMISED_BEFORE));
  if (promised > 0) parts.push(`has promised for ${promised}`);
  if (role !== ACTS) return parts.join(', ');
  parts.push(`S=${describeMask(at(state, own + SYNC))} ELR=${describeMask(at(state, own + ELR))}`);
  if (at(state, own + PLUS) > 0) parts.push(`adding ${describeMask(at(state, own + PLUS))}`);
  parts.push(`lease ${at(state, own + HELD_LEASE)}`);
  const grants = Array.from({ length: containers }, (_, other) => at(state, own + GRANT + other));
  parts.push(`promises ${grants.join('/')}`);
  if (at(state, own + GRANTS_END) > 0) parts.push(`waits for ${at(state, own + GRANTS_END)}`);
  if (at(state, own + HAND_OVER) === ASKED) parts.push('has handed over');
  if (at(state, own + LAGS) === 1) parts.push('has not heard of the newest configuration');
  return parts.join(', ');
}

function describeCatalog(state: Uint8Array): string {
  const primary = describeMask(at(state, CATALOG_PRIMARY));
  const members = `S=${describeMask(at(state, CATALOG_SYNC))} ELR=${describeMask(at(state, CATALOG_ELR))}`;
  return `epoch ${at(state, CATALOG_EPOCH)}, primary ${primary.slice(1, -1)}, ${members}`;
}

function describeMask(mask: number): string {
  const names: string[] = [];
  for (let container = 0; bitOf(container) <= mask; container++)
    if ((mask & bitOf(container)) !== 0) names.push(`c${container}`);
  return `{${names.join(', ')}}`;
}
