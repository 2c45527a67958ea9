import { expect, test } from 'vitest';
import { NO_MAP } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import type { LogRecord } from '../messages.ts';
import { Sessions } from './sessions.ts';

const client = 'c'.repeat(32);

function record(lsn: number, seq: number, ackedBelow = 1): LogRecord {
  return {
    ...{ lsn, epoch: 2, kind: 'write', clientId: client, seq, ackedBelow, map: NO_MAP, operations: [] },
    ...{ decidedUpTo: 0, aborted: [], clockMs: 0, ceilingMs: 0, digestLsn: 0, stateDigest: 0 },
  };
}

test('a retry meets its first attempt: in progress, then done', () => {
  const sessions = new Sessions();
  expect(sessions.find(client, 1).is).toBe('new');
  sessions.begin(record(10, 1));
  expect(sessions.find(client, 1)).toEqual({ is: 'in_progress', lsn: 10 });
  sessions.end(record(10, 1), true);
  expect(sessions.find(client, 1)).toEqual({ is: 'done', epoch: 2, lsn: 10 });
});

test('what the client acknowledged is stale, and forgotten', () => {
  const sessions = new Sessions();
  for (const seq of [1, 2, 3]) sessions.end(record(seq, seq), true);
  sessions.end(record(4, 4, 3), true);
  expect(sessions.find(client, 2).is).toBe('stale');
  expect(sessions.find(client, 3).is).toBe('done');
  expect([...sessions.checkpoint()]).toEqual([
    {
      clientId: client,
      ackedBelow: 3,
      done: [
        { seq: 3, epoch: 2, lsn: 3 },
        { seq: 4, epoch: 2, lsn: 4 },
      ],
      rolledBack: [],
    },
  ]);
});

test('a rollback that was answered is remembered; its retry under the same seq is not mistaken for it', () => {
  const sessions = new Sessions();
  sessions.begin(record(5, 1));
  sessions.rollBack(record(5, 1));
  expect(sessions.find(client, 1)).toEqual({ is: 'refused', refusal: 'replication_voted_to_rollback' });

  const others = new Sessions();
  others.begin(record(9, 1));
  others.end(record(5, 1), false);
  expect(others.find(client, 1)).toEqual({ is: 'in_progress', lsn: 9 });
});

test('a checkpoint carries completion records, and never takes any back', () => {
  const sessions = new Sessions();
  sessions.end(record(3, 7), true);
  const copy = new Sessions();
  copy.end(record(4, 8), true);
  for (const session of sessions.checkpoint()) copy.restore(session);
  expect(copy.find(client, 7)).toEqual({ is: 'done', epoch: 2, lsn: 3 });
  expect(copy.find(client, 8)).toEqual({ is: 'done', epoch: 2, lsn: 4 });
});

test('an abort marker is remembered like an answer: in a checkpoint, after a fail-over, until it is acknowledged', () => {
  const marker = { ...record(4, 2), kind: 'abortMarker' } as const;
  const sessions = new Sessions();
  sessions.begin(marker);
  expect(sessions.find(client, 2)).toEqual({ is: 'in_progress', lsn: 4 });
  sessions.end(marker, true);
  sessions.forgetUndecided();
  expect(sessions.find(client, 2)).toEqual({ is: 'rolled_back' });
  const copy = new Sessions();
  for (const session of sessions.checkpoint()) copy.restore(session);
  expect(copy.find(client, 2)).toEqual({ is: 'rolled_back' });
  copy.end(record(5, 5, 3), true);
  expect(copy.find(client, 2).is).toBe('stale');
  expect([...copy.checkpoint()].map(({ rolledBack }) => rolledBack)).toEqual([[]]);
});

test('a marker that is rolled back itself says nothing', () => {
  const marker = { ...record(4, 2), kind: 'abortMarker' } as const;
  const sessions = new Sessions();
  sessions.begin(marker);
  sessions.end(marker, false);
  expect(sessions.find(client, 2)).toEqual({ is: 'new' });
});

test('an idle client is forgotten by a record of the log, unless it has come back', () => {
  const sessions = new Sessions();
  sessions.end(record(3, 1), true);
  expect(sessions.idle(1_000, 10)).toEqual([]);
  expect(sessions.idle(1_000 + LIMITS.sessionIdleMs - 1, 10)).toEqual([]);
  expect(sessions.idle(1_000 + LIMITS.sessionIdleMs, 10)).toEqual([client]);
  const end = { ...record(4, 0, 0), kind: 'session' } as const;
  sessions.begin(end);
  sessions.begin(record(5, 2));
  sessions.end(end, true);
  expect(sessions.find(client, 1).is, 'its answers are gone').toBe('new');
  expect(sessions.find(client, 2), 'what it asks now is not').toEqual({ is: 'in_progress', lsn: 5 });
  sessions.end(record(5, 2), true);
  sessions.end({ ...end, lsn: 6 }, true);
  expect(sessions.clientCount).toBe(0);
});

test('a seq far ahead of what was acknowledged is outside the window', () => {
  const sessions = new Sessions();
  sessions.acknowledge(client, 5);
  expect(sessions.find(client, 5 + 2 * LIMITS.outstandingPerPartitionMax).is).toBe('outside_window');
});

test('a client whose writes log nothing is not outside the window for ever: its own word moves it', () => {
  const sessions = new Sessions();
  sessions.end(record(1, 1), true);
  const seq = 5 + 2 * LIMITS.outstandingPerPartitionMax;
  expect(sessions.find(client, seq, 1).is).toBe('outside_window');
  expect(sessions.find(client, seq, seq - 3).is).toBe('new');
});

test('so many undecided writes of one client fill the window, whatever it acknowledges; retries still find theirs', () => {
  const sessions = new Sessions();
  const count = 2 * LIMITS.outstandingPerPartitionMax;
  for (let seq = 1; seq <= count; seq++) sessions.begin(record(seq, seq));
  expect(sessions.find(client, count + 1, count).is).toBe('outside_window');
  expect(sessions.find(client, count, count).is).toBe('in_progress');
});
