import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NO_MAP } from '../ids.ts';
import type { LogRecord } from '../messages.ts';
import { Log } from './log.ts';

function record(lsn: number, epoch: number, aborted: number[] = []): LogRecord {
  const kind = aborted.length > 0 ? 'noop' : 'write';
  return {
    lsn,
    epoch,
    kind,
    clientId: '',
    seq: 0,
    ackedBelow: 0,
    map: NO_MAP,
    operations: [],
    decidedUpTo: 0,
    clockMs: 0,
    ceilingMs: 0,
    digestLsn: 0,
    stateDigest: 0,
    aborted,
  };
}

/** A log by its epochs, from lsn base + 1. */
function logOf(base: { lsn: number; epoch: number }, epochs: readonly number[]): Log {
  const log = new Log(base.lsn, base.epoch);
  for (const epoch of epochs) log.append(record(log.lastLsn + 1, epoch));
  return log;
}

test('the tail says where each epoch ends, the base first', () => {
  const log = logOf({ lsn: 40, epoch: 1 }, [1, 1, 3, 3]);
  expect(log.tail()).toEqual([
    { epoch: 1, lastLsn: 40 },
    { epoch: 1, lastLsn: 42 },
    { epoch: 3, lastLsn: 44 },
  ]);
  log.cutAfter(43);
  expect(log.tail().at(-1)).toEqual({ epoch: 3, lastLsn: 43 });
  log.cutAfter(42);
  expect(log.tail().at(-1)).toEqual({ epoch: 1, lastLsn: 42 });
  log.cutAfter(40);
  expect(log.tail()).toEqual([{ epoch: 1, lastLsn: 40 }]);
});

test('trimming moves the base and keeps what is after it', () => {
  const log = logOf({ lsn: 0, epoch: 0 }, [1, 1, 2, 2, 2]);
  log.trimTo(3);
  expect([log.baseLsn, log.epochAt(3), log.lastLsn]).toEqual([3, 2, 5]);
  expect(log.at(4).lsn).toBe(4);
  expect(log.tail()).toEqual([
    { epoch: 2, lastLsn: 3 },
    { epoch: 2, lastLsn: 5 },
  ]);
});

test('an abort record goes with the cut that removes it', () => {
  const log = logOf({ lsn: 0, epoch: 0 }, [1, 1]);
  log.append(record(3, 1, [2]));
  expect(log.abortRecordOf(2)).toBe(3);
  log.cutAfter(2);
  expect(log.abortRecordOf(2)).toBeUndefined();
});

const risingEpochs = fc
  .array(fc.integer({ min: 0, max: 2 }), { maxLength: 12 })
  .map((steps) => steps.reduce<number[]>((list, step) => list.concat((list.at(-1) ?? 1) + step), []));

test('the last common record is the one that a look at every record finds', () => {
  fc.assert(
    fc.property(risingEpochs, risingEpochs, fc.nat(4), fc.nat(4), (a, b, trimA, trimB) => {
      const ours = logOf({ lsn: 0, epoch: 0 }, a);
      const theirs = logOf({ lsn: 0, epoch: 0 }, b);
      ours.trimTo(trimA);
      theirs.trimTo(trimB);
      let expected: number | undefined;
      for (let lsn = Math.max(ours.baseLsn, theirs.baseLsn); lsn <= Math.min(ours.lastLsn, theirs.lastLsn); lsn++) {
        if (ours.epochAt(lsn) === theirs.epochAt(lsn)) expected = lsn;
      }
      expect(ours.lastCommonLsn(theirs.tail())).toBe(expected);
    }),
  );
});
