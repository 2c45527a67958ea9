// Goal: of each kind of anomaly a history that must be rejected for exactly this, and good ones beside it that must not.
import { describe, expect, it } from 'vitest';
import { checkListAppend, violationsOf } from './check.ts';
import { type AnomalyKind, formatAnomaly, type ListTransaction } from './list-append.ts';
import { tx } from './story.test-lib.ts';

function kindsOf(...history: ListTransaction[]): AnomalyKind[] {
  return checkListAppend(history).map(({ kind }) => kind);
}

const unknown = { outcome: 'unknown' } as const;
const rolledBack = { outcome: 'rolledBack' } as const;

describe('good histories', () => {
  it('accepts none, one, and reads before and after an append that overlaps with them', () => {
    expect(kindsOf()).toEqual([]);
    expect(kindsOf(tx('x+1 x=1'))).toEqual([]);
    expect(kindsOf(tx('x='), tx('x+1'), tx('x=1'))).toEqual([]);
  });

  it('accepts appends in an order that is not that of their calls', () => {
    expect(kindsOf(tx('x+1 y+1'), tx('x= y= x+2 y+2 x=2'), tx('x=2,1 y=2,1'))).toEqual([]);
  });

  it('accepts that what was rolled back, or what may have been, is not read', () => {
    expect(kindsOf(tx('x+1', rolledBack), tx('x+2', unknown), tx('x+3'), tx('x=3', { ms: [200, 300] }))).toEqual([]);
  });

  it('accepts an unknown transaction that takes effect late, but not one half of it', () => {
    const late = tx('x+1 y+1', { ...unknown, ms: [0, 0] });
    const before = tx('x= y=', { ms: [10, 20] });
    expect(kindsOf(late, before, tx('x=1 y=1', { ms: [30, 40] }))).toEqual([]);
    expect(kindsOf(late, before, tx('x=1 y=', { ms: [30, 40] }))).toEqual(['G-single']);
  });

  it('does not judge reads of what was rolled back or of what may have been', () => {
    const writer = tx('x+1 y+1');
    const final = tx('x=1 y=1', { ms: [200, 300] });
    expect(kindsOf(writer, tx('x=1 y= z+1', rolledBack), tx('x=1 y= z+2', unknown), final)).toEqual([]);
  });

  it('accepts several reads and appends of one key in one transaction', () => {
    expect(kindsOf(tx('x+1 x+2'), tx('x=1,2 x+3 x=1,2,3 x+4 x+5 {x=1,2,3,4,5 y=} y+1 y=1'), tx('y=1'))).toEqual([]);
  });

  it('accepts one that read all that was ever read and then appended what nobody has read', () => {
    expect(kindsOf(tx('x+1'), tx('x=1 x+2'), tx('x=1'), tx('x+3'))).toEqual([]);
  });
});

describe('what single lists tell', () => {
  it('rejects a read of what was rolled back: G1a', () => {
    expect(kindsOf(tx('x+1', rolledBack), tx('x=1'))).toEqual(['G1a']);
    expect(kindsOf(tx('x+1', rolledBack), tx('x+2'), tx('x=1,2'))).toEqual(['G1a']);
    // Two values, two anomalies; but what was rolled back is in no cycle.
    expect(kindsOf(tx('x+1 y+1', rolledBack), tx('x+2 y+2'), tx('x=1,2 y=2,1'))).toEqual(['G1a', 'G1a']);
  });

  it('rejects a read of what its writer wrote over: G1b', () => {
    expect(kindsOf(tx('x+1 x+2'), tx('x=1'), tx('x=1,2'))).toEqual(['G1b']);
    expect(kindsOf(tx('x+1 x+2', unknown), tx('x=1'))).toEqual(['G1b']);
  });

  it('rejects a value that is twice in a list', () => {
    expect(kindsOf(tx('x+1'), tx('x+2'), tx('x=1,2'), tx('x=1,2,1'))).toEqual(['duplicateAppend']);
    expect(kindsOf(tx('x+1'), tx('x+2'), tx('x=1,2'), tx('x=1,1,2'))).toEqual(['duplicateAppend']);
  });

  it('rejects two lists of which neither begins with the other', () => {
    expect(kindsOf(tx('x+1'), tx('x+2'), tx('x=1'), tx('x=2'))).toEqual(['incompatibleOrders']);
    expect(kindsOf(tx('x+1'), tx('x+2'), tx('x=1,2'), tx('x=2,1'), tx('x=2'))).toEqual(['incompatibleOrders']);
  });

  it('rejects a list that has what one transaction appended the other way round', () => {
    expect(kindsOf(tx('x+1 x+2'), tx('x=2,1'))).toEqual(['incompatibleOrders']);
    expect(kindsOf(tx('x+2 x+1'), tx('x=2,1'))).toEqual([]);
  });

  it('rejects a value from nowhere', () => {
    expect(kindsOf(tx('x+1'), tx('x=1,7'))).toEqual(['garbage']);
  });

  it('rejects reads that disagree with the transaction itself', () => {
    expect(kindsOf(tx('x+1'), tx('x= x=1'))).toEqual(['internal']);
    expect(kindsOf(tx('x+1'), tx('x=1 {x= y=}'))).toEqual(['internal']);
    expect(kindsOf(tx('x+1'), tx('x+2 x=1'), tx('x=1,2'))).toEqual(['internal']);
    expect(kindsOf(tx('x+1'), tx('x=1 x+2 x=1'), tx('x=1,2'))).toEqual(['internal']);
    expect(kindsOf(tx('x=1 x+1'), tx('x=1'))).toEqual(['internal']);
  });
});

describe('cycles', () => {
  it('rejects writes in a circle: G0', () => {
    expect(kindsOf(tx('x+1 y+1'), tx('x+2 y+2'), tx('x=1,2'), tx('y=2,1'))).toEqual(['G0']);
    expect(kindsOf(tx('x+1 x+3'), tx('x+2'), tx('x=1,2,3'))).toEqual(['G0']);
    const three = [tx('x+1 y+2'), tx('y+1 z+2'), tx('z+1 x+2')];
    expect(kindsOf(...three, tx('x=2,1 y=2,1 z=1,2'))).toEqual([]);
    expect(kindsOf(...three, tx('x=1,2 y=1,2 z=1,2'))).toEqual(['G0']);
  });

  it('rejects what flows in a circle: G1c', () => {
    expect(kindsOf(tx('x+1 y=1'), tx('y+1 x=1'))).toEqual(['G1c']);
    expect(kindsOf(tx('x+1 y+1'), tx('x+2 z+1'), tx('z=1 y+2'), tx('x=1,2'), tx('y=2,1'))).toEqual(['G1c']);
  });

  it('rejects a read between two appends of one transaction: G-single', () => {
    expect(kindsOf(tx('x+1 y+1'), tx('x=1 y='))).toEqual(['G-single']);
    expect(kindsOf(tx('x+1'), tx('x=1 y+1'), tx('y=1 x='))).toEqual(['G-single']);
  });

  it('calls no lost update what appended before it read', () => {
    expect(kindsOf(tx('x+1 x=1'), tx('x= x+2'), tx('x=1,2'))).toEqual(['G-single']);
  });

  it('would rather tell of one missed append than of two, although the way is longer', () => {
    expect(kindsOf(tx('x= y+1'), tx('y=1 z+1'), tx('z=1 y= x+1'))).toEqual(['G-single']);
  });

  it('rejects write skew: G2', () => {
    expect(kindsOf(tx('x= y+1'), tx('y= x+1'))).toEqual(['G2']);
    expect(kindsOf(tx('x= y+1'), tx('y= z+1'), tx('z= x+1'), tx('x=1 y=1 z=1'))).toEqual(['G2']);
  });

  it('rejects phantoms: two that found the range empty and filled it', () => {
    expect(kindsOf(tx('{x= y=} x+1'), tx('{x= y=} y+1'), tx('{x=1 y=1}'))).toEqual(['G2']);
    expect(kindsOf(tx('x+1 y+1'), tx('{x=1 y=}'))).toEqual(['G-single']);
  });

  it('rejects a lost update, whether or not the append was ever read', () => {
    expect(kindsOf(tx('x= x+1'), tx('x= x+2'))).toEqual(['lostUpdate']);
    expect(kindsOf(tx('x+1'), tx('x=1 x+2'), tx('x=1 x+3'), tx('x=1,2,3'))).toEqual(['lostUpdate']);
    expect(kindsOf(tx('x+1'), tx('x=1 x+2'), tx('x=1 x+3'), tx('x=1,2'))).toEqual(['lostUpdate']);
  });

  it('tells the worst of what is in one knot, and each knot', () => {
    const writes = [tx('a+1 b+1'), tx('a+2 b+2'), tx('a=1,2'), tx('b=2,1')];
    expect(kindsOf(...writes, tx('x= y+1'), tx('y= x+1')).toSorted()).toEqual(['G0', 'G2']);
  });
});

describe('with time', () => {
  const early = { ms: [0, 10] } as const;
  const later = { ms: [20, 30] } as const;
  const last = { ms: [40, 50] } as const;

  it('rejects a stale read: G-single-realtime', () => {
    expect(kindsOf(tx('x+1', early), tx('x=', later), tx('x=1', last))).toEqual(['G-single-realtime']);
  });

  it('rejects a lost write: it was acknowledged, and nobody reads it ever again', () => {
    expect(kindsOf(tx('x+1', early), tx('x+2', later), tx('x=2', last))).toEqual(['G-single-realtime']);
    expect(kindsOf(tx('x+1', early), tx('x=', last))).toEqual(['G-single-realtime']);
  });

  it('rejects appends in an order that time forbids: G0-realtime', () => {
    expect(kindsOf(tx('x+1', early), tx('x+2', later), tx('x=2,1', last))).toEqual(['G0-realtime']);
  });

  it('rejects a read of what was begun later: G1c-realtime', () => {
    expect(kindsOf(tx('x=1', early), tx('x+1', later))).toEqual(['G1c-realtime']);
  });

  it('rejects two reads that each missed something, which only time puts in a circle: G2-realtime', () => {
    const between = tx('x+1 y=', { ms: [0, 100] });
    expect(kindsOf(tx('y+1', early), between, tx('x=', later))).toEqual(['G2-realtime']);
    expect(kindsOf(tx('y+1', { ms: [0, 20] }), between, tx('x=', later))).toEqual([]);
  });

  it('looks through time from far away', () => {
    const between = Array.from({ length: 50 }, (_, index) => tx(`y+${index}`, { ms: [100 + index, 101 + index] }));
    const history = [tx('x+1', early), ...between, tx('x=', { ms: [1_000, 1_001] }), tx('x=1', { ms: [1_002, 1_003] })];
    const [anomaly, ...others] = checkListAppend(history);
    expect(others).toEqual([]);
    expect(anomaly?.transactions.toSorted((a, b) => a - b)).toEqual([0, 51]);
  });

  it('adds a short cycle of time to a long one without it', () => {
    const circle = Array.from({ length: 6 }, (_, index) =>
      tx(`k${index}= k${(index + 1) % 6}+1`, { ms: index === 0 ? [60, 70] : index === 5 ? [0, 10] : [0, 100] }),
    );
    expect(kindsOf(...circle)).toEqual(['G2', 'G-single-realtime']);
  });

  it('tells by time what a process says only at length', () => {
    const of = (start: number) => ({ ms: [start, start + 5], process: 'p' }) as const;
    const between = [tx('z=', of(10)), tx('z=', of(20)), tx('z=', of(30))];
    expect(kindsOf(tx('x+1', of(0)), ...between, tx('x=', of(40)))).toEqual(['G-single-realtime']);
    expect(kindsOf(tx('x+1', of(0)), tx('z=', of(10)), tx('x=', of(40)))).toEqual(['G-single-process']);
  });

  it('takes what touches for overlapping, but not of one process', () => {
    const touching = { ms: [10, 20] } as const;
    expect(kindsOf(tx('x+1', early), tx('x=', touching))).toEqual([]);
    const history = [tx('x+1', { ...early, process: 'p' }), tx('x=', { ...touching, process: 'p' })];
    expect(kindsOf(...history)).toEqual(['G-single-process']);
  });

  it('names what a process contradicts itself: -process', () => {
    const [first, second] = [
      { ...early, process: 'p' },
      { ...later, process: 'p' },
    ];
    expect(kindsOf(tx('x+1', first), tx('x+2', second), tx('x=2,1'))).toEqual(['G0-process']);
    expect(kindsOf(tx('x=1', first), tx('x+1', second))).toEqual(['G1c-process']);
    expect(kindsOf(tx('x+1'), tx('x=1', first), tx('x=', second))).toEqual(['G-single-process']);
    const open = tx('y+1', { ...unknown, ms: [12, 12], process: 'p' });
    expect(kindsOf(tx('x+1', first), open, tx('x=', second), tx('y=1'))).toEqual(['G-single-process']);
  });

  it('says nothing of processes whose transactions overlap', () => {
    const of = (start: number, end: number) => ({ ms: [start, end], process: 'p' }) as const;
    expect(kindsOf(tx('x+1', of(0, 100)), tx('x=', of(50, 60)), tx('x=1', of(70, 80)))).toEqual([]);
  });

  it('does not ask for time where it was not promised', () => {
    const history = [tx('x+1', { ...early, process: 'p' }), tx('x=', { ...later, process: 'p' }), tx('x=1')];
    const kinds = (promise: 'serializable' | 'process' | 'strict') =>
      checkListAppend(history, { promise }).map(({ kind }) => kind);
    expect(kinds('serializable')).toEqual([]);
    expect(kinds('process')).toEqual(['G-single-process']);
    expect(kinds('strict')).toEqual(['G-single-process']);
    const stale = [tx('x+1', early), tx('x=', later)];
    expect(checkListAppend(stale, { promise: 'process' })).toEqual([]);
  });

  it('knows no end of an unknown outcome', () => {
    expect(kindsOf(tx('x+1', { ...unknown, ms: [0, 0] }), tx('x=', later), tx('x=1', last))).toEqual([]);
    const proven = tx('x= y+1', { ...unknown, ms: [20, 20] });
    expect(kindsOf(tx('x+1', early), proven, tx('y=1 x=1', last))).toEqual(['G-single-realtime']);
  });
});

describe('words', () => {
  it('says why each comes before the next', () => {
    const [skew] = checkListAppend([tx('x+1 y+1'), tx('x=1 y=')]);
    expect(skew?.transactions.toSorted()).toEqual([0, 1]);
    expect(skew === undefined ? '' : formatAnomaly(skew)).toBe(
      'G-single:\n  - T1 read y as absent, without 1, which T0 appended\n  - T0 appended 1 to x, which T1 read',
    );
  });

  it('shows the ends of long lists, and time', () => {
    const writers = Array.from({ length: 6 }, (_, index) => tx(`x+${index}`, { ms: [index * 10, index * 10 + 1] }));
    const [violation] = violationsOf(checkListAppend([...writers, tx('x=0,1,2,3,4', { ms: [70, 80] })]));
    expect(violation).toEqual({
      rule: 'G-single-realtime',
      what: 'G-single-realtime:\n  - T6 read x as […, 1, 2, 3, 4] (5 values), without 5, which T5 appended\n  - T5 had ended at 51 ms before T6 began at 70 ms',
    });
  });

  it('tells both of a lost update', () => {
    const [anomaly] = checkListAppend([tx('x+1'), tx('x=1 x+2'), tx('x=1 x+3')]);
    expect(anomaly?.because.map(({ why }) => why)).toEqual([
      'T1 read x as [1], and appended 2',
      'T2 read x as [1], and appended 3',
    ]);
  });

  it('refuses a history in which a value could have come from two', () => {
    expect(() => checkListAppend([tx('x+1'), tx('x+1')])).toThrow('appends 1 to x twice');
  });
});
