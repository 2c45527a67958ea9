import fc from 'fast-check';
import { expect, test } from 'vitest';
import { asMapId } from '../ids.ts';
import type { LogRecord } from '../messages.ts';
import { PackedRecords } from './packed-records.ts';

const whole = fc.oneof(fc.nat(300), fc.maxSafeNat());
const time = fc.oneof(fc.constant(0), fc.double({ min: 0.5, max: 1e15, noNaN: true }));
const bytes = (maxLength: number) => fc.uint8Array({ maxLength });

const operation = fc.record({
  kind: fc.constantFrom('set', 'insert', 'update', 'delete', 'clear', 'touch', 'expire'),
  key: bytes(40),
  value: fc.oneof(bytes(100), bytes(6_000)),
  ifEpoch: whole,
  ifLsn: whole,
  ttlMs: time,
  expireAtMs: time,
  mapOffset: fc.oneof(fc.constant(0), fc.nat(65_535)),
});

const any: fc.Arbitrary<LogRecord> = fc.record({
  lsn: whole,
  epoch: whole,
  kind: fc.constantFrom('write', 'noop', 'digest', 'expire', 'touch', 'session', 'abortMarker', 'evict'),
  clientId: fc.oneof(fc.constant(''), fc.constant('0123456789abcdef0123456789abcdef')),
  seq: whole,
  ackedBelow: whole,
  map: fc.nat(65_535).map(asMapId),
  operations: fc.array(operation, { maxLength: 4 }) as fc.Arbitrary<LogRecord['operations']>,
  decidedUpTo: whole,
  aborted: fc.array(whole, { maxLength: 3 }),
  clockMs: time,
  ceilingMs: time,
  digestLsn: fc.maxSafeNat().map((lsn) => lsn + 1 - Math.floor(lsn / Number.MAX_SAFE_INTEGER)),
  stateDigest: fc.integer({ min: 0, max: 0xffff_ffff }),
});

/** What is of a client only is zero without one, and what is decided lies before a record. */
const record = any.map((one): LogRecord => {
  const decidedUpTo = Math.min(one.decidedUpTo, one.lsn);
  return one.clientId === '' ? { ...one, decidedUpTo, seq: 0, ackedBelow: 0 } : { ...one, decidedUpTo };
});

// The oracle: the records themselves.
test('what was put in is read as it was, in its order, while the oldest go', () => {
  const action = fc.oneof(
    { weight: 3, arbitrary: fc.record({ push: record }) },
    { weight: 1, arbitrary: fc.record({ drop: fc.nat(4) }) },
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const packed = new PackedRecords();
      let held: LogRecord[] = [];
      for (const each of actions) {
        if ('push' in each) {
          packed.push(each.push);
          held.push(each.push);
        } else {
          const count = Math.min(each.drop, held.length);
          packed.drop(count);
          held = held.slice(count);
        }
        expect(packed.count).toBe(held.length);
      }
      for (const [index, expected] of held.entries()) expect(packed.read(index)).toEqual(expected);
    }),
    { numRuns: 300 },
  );
});

test('thousands of them, most of which are gone', () => {
  const packed = new PackedRecords();
  const [one] = fc.sample(record, { numRuns: 1, seed: 3 });
  for (let lsn = 0; lsn < 30_000; lsn++) {
    packed.push({ ...(one as LogRecord), lsn });
    if (packed.count > 500) packed.drop(7);
  }
  expect(packed.read(packed.count - 1).lsn).toBe(29_999);
  expect(packed.read(0).lsn).toBe(30_000 - packed.count);
});
