/** Between what the history says and what the wire carries. */
import type { ClientAnswer } from '@ostraca/client';
import { GridError, LIMITS, NO_BYTES, type ReadEntry, type Operation as WireOperation } from '@ostraca/core';
import { type Action, type Observation, type Result, writtenValue } from '../checkers/history.ts';
import type { Place } from './places.ts';

const text = new TextDecoder();
export const bytesOf = (value: string): Uint8Array => new TextEncoder().encode(value);

/** What one read can ask for: one map, one partition, not too many keys. */
export function groupsOf(places: readonly Place[]): Place[][] {
  const groups: Place[][] = [];
  const filling = new Map<string, Place[]>();
  for (const place of places) {
    const id = `${place.map}/${place.partition}`;
    let group = filling.get(id);
    if (group === undefined || group.length >= LIMITS.readKeysMax) {
      group = [];
      filling.set(id, group);
      groups.push(group);
    }
    group.push(place);
  }
  return groups;
}

export function wireOperation(action: Action, key: Uint8Array): WireOperation {
  const value = writtenValue(action);
  const expected = action.kind === 'swap' ? action.expected : { epoch: 0, lsn: 0 };
  return {
    kind: action.kind === 'swap' || action.kind === 'get' || action.kind === 'expire' ? 'set' : action.kind,
    key,
    value: value === undefined ? NO_BYTES : bytesOf(value),
    ifEpoch: expected.epoch,
    ifLsn: expected.lsn,
    ttlMs: value === undefined ? 0 : (ownTtlMsOf(value) ?? 0),
    expireAtMs: 0,
    mapOffset: 0,
  };
}

/** `client1.7~400` lives for 400 ms. */
export function ownTtlMsOf(value: string): number | undefined {
  const own = value.split('~')[1];
  return own === undefined ? undefined : Number(own);
}

export function resultOf(action: Action, answer: ClientAnswer | GridError): Result {
  if (!(answer instanceof GridError)) {
    if (answer.type !== 'writeAnswer') return { kind: 'unknown', code: `answered with ${answer.type}` };
    const isRemoval = action.kind === 'delete' || action.kind === 'touch';
    if (!answer.applied && isRemoval) return { kind: 'observed', seen: { kind: 'absent' } };
    if (action.kind === 'touch') return { kind: 'observed', seen: { kind: 'present' } };
    return { kind: 'applied', version: { epoch: answer.epoch, lsn: answer.lsn } };
  }
  if (answer.outcome === 'unknown') return { kind: 'unknown', code: answer.code };
  switch (answer.code) {
    case 'duplicate_key':
      return { kind: 'observed', seen: { kind: 'present' } };
    case 'key_not_found':
      return { kind: 'observed', seen: { kind: 'absent' } };
    case 'version_conflict':
      return { kind: 'observed', seen: { kind: 'other' } };
    default:
      return { kind: 'not_applied', code: answer.code };
  }
}

export function observationOf({ found, value, epoch, lsn }: ReadEntry): Observation {
  return found ? { kind: 'entry', value: text.decode(value), version: { epoch, lsn } } : { kind: 'absent' };
}
