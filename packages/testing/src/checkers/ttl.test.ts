// Goal: histories of entries with a time to live that must be refused, and such that must not.
import { describe, expect, it } from 'vitest';
import type { Action, Operation, Result, Version } from './history.ts';
import { checkTtl } from './ttl.ts';

const at = (lsn: number, epoch = 1): Version => ({ epoch, lsn });
const applied = (lsn: number, epoch = 1): Result => ({ kind: 'applied', version: at(lsn, epoch) });
const saw = (value: string, lsn: number): Result => ({
  kind: 'observed',
  seen: { kind: 'entry', value, version: at(lsn) },
});
const absent: Result = { kind: 'observed', seen: { kind: 'absent' } };
const present: Result = { kind: 'observed', seen: { kind: 'present' } };
const unknown: Result = { kind: 'unknown', code: 'timeout' };
const set = (value: string): Action => ({ kind: 'set', value });
const insert = (value: string): Action => ({ kind: 'insert', value });
const get: Action = { kind: 'get' };
const touch: Action = { kind: 'touch' };

function op(invokedMs: number, action: Action, result: Result, lastingMs = 1): Operation {
  const returnedMs = result.kind === 'unknown' ? Number.POSITIVE_INFINITY : invokedMs + lastingMs;
  return { process: 'p', key: 'k', action, result, invokedMs, returnedMs };
}

/** Every value lives for a second, but for those that are called so. */
function rulesOf(operations: readonly Operation[], promotionsMs: readonly number[] = []): string[] {
  const ttlMsOf = (value: string): number | undefined => (value.startsWith('forever') ? undefined : 1_000);
  return checkTtl(operations, { ttlMsOf, promotionsMs }).map(({ rule }) => rule);
}

describe('time to live', () => {
  it('passes a value that goes after its time, and one that comes after it', () => {
    const history = [
      op(0, set('a'), applied(1)),
      op(500, get, saw('a', 1)),
      op(1_100, get, absent),
      op(1_200, insert('b'), applied(5)),
      op(1_300, touch, present),
      op(1_400, get, saw('b', 5)),
    ];
    expect(rulesOf(history)).toEqual([]);
  });

  it('passes a value that stays too long: expiry may be late', () => {
    expect(rulesOf([op(0, set('a'), applied(1)), op(60_000, get, saw('a', 1))])).toEqual([]);
  });

  it('rejects a value that comes back after it was seen expired', () => {
    const history = [op(0, set('a'), applied(1)), op(1_100, get, absent), op(1_200, get, saw('a', 1))];
    expect(rulesOf(history)).toEqual(['I-TTL']);
    const refused = [op(0, set('a'), applied(1)), op(1_100, touch, absent), op(1_200, get, saw('a', 1))];
    expect(rulesOf(refused)).toEqual(['I-TTL']);
  });

  it('rejects an older value after a newer one was seen expired', () => {
    const history = [
      op(0, set('a'), applied(1), 5_000),
      op(10, set('b'), applied(2)),
      op(20, get, saw('b', 2)),
      op(2_000, get, absent),
      op(2_100, get, saw('a', 1)),
    ];
    expect(rulesOf(history)).toContain('I-TTL');
  });

  it('rejects a value that goes too early, and one without a time to live that goes at all', () => {
    expect(rulesOf([op(0, set('a'), applied(1)), op(700, get, absent)])).toEqual(['I-ACK']);
    expect(rulesOf([op(0, set('forever'), applied(1)), op(90_000, get, absent)])).toEqual(['I-ACK']);
    const renewed = [op(0, set('a'), applied(1)), op(900, set('b'), applied(2)), op(1_200, get, absent)];
    expect(rulesOf(renewed)).toEqual(['I-ACK']);
  });

  it('allows an end that is early by a ceiling for each promotion before it, and no more', () => {
    const late = (endMs: number) => [op(0, set('a'), applied(1)), op(endMs, get, absent)];
    expect(rulesOf(late(100), [50])).toEqual([]);
    expect(rulesOf(late(500), [2_000])).toEqual(['I-ACK']);
  });

  it('explains an absence by an unknown write that may have expired since', () => {
    const history = [op(0, set('forever'), applied(1)), op(100, set('a'), unknown), op(1_200, get, absent)];
    expect(rulesOf(history)).toEqual([]);
    expect(rulesOf([...history.slice(0, 2), op(600, get, absent)])).toEqual(['I-ACK']);
  });

  it('rejects a duplicate_key for which no value was left', () => {
    const history = [op(0, set('a'), applied(1)), op(1_100, get, absent), op(1_200, insert('b'), present)];
    expect(rulesOf(history)).toEqual(['I-TTL']);
    expect(rulesOf([...history, op(1_150, set('c'), unknown)])).toEqual([]);
  });
});
