import { asPartitionId, GridError } from '@ostraca/core';
import { describe, expect, test } from 'vitest';
import { formatToken, parseReadMode, type ReadMode } from './read-modes.ts';

const partition = asPartitionId(12);
const token = { lineage: '0243298a1b0314f0', lsn: 77, clockMs: 1_700_000_000_100 };

describe('how a read may be answered', () => {
  test.each<[ReadMode | undefined, object]>([
    [undefined, { mode: 'linearizable' }],
    ['linearizable', { mode: 'linearizable' }],
    ['readIndex', { mode: 'readIndex' }],
    ['eventual', { mode: 'eventual' }],
    ['session', { mode: 'session', tokens: undefined }],
    [{ maxStalenessMs: 0 }, { mode: 'bounded', maxStalenessMs: 0 }],
    [{ token: formatToken(partition, token) }, { mode: 'session', tokens: new Map([[partition, token]]) }],
    [{ token: [] }, { mode: 'session', tokens: new Map() }],
  ])('%o', (read, wish) => {
    expect(parseReadMode(read)).toEqual(wish);
  });

  test.each<unknown>([
    'fresh',
    '',
    null,
    5,
    {},
    { maxStalenessMs: -1 },
    { maxStalenessMs: '5' },
    { maxStalenessMs: Number.POSITIVE_INFINITY },
    { maxStalenessMs: 5, token: [] },
    { token: '12.l.5' },
    { token: 'x.l.5.0' },
    { token: [5] },
  ])('not %o', (read) => {
    expect(() => parseReadMode(read as ReadMode)).toThrow(GridError);
  });
});
