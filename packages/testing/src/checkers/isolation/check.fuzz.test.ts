/**
 * Goal: no false alarm for what a serial store did, no silence about one that breaks a rule once, and, on small
 * histories, the same verdict as a search through all orders.
 */
import { must, newRandom, type Random } from '@ostraca/core';
import { describe, expect, it } from 'vitest';
import { checkListAppend } from './check.ts';
import { formatAnomaly, type ListTransaction } from './list-append.ts';
import { type PlacedRead, randomHistory, readsIn, SMALL, withList } from './random-history.test-lib.ts';
import { hasSerialOrder } from './serial-order.test-lib.ts';

const firstSeed = Number(process.env.SEED ?? 1);
const seeds = Array.from({ length: process.env.SEED === undefined ? 150 : 1 }, (_, index) => firstSeed + index);

function told(history: readonly ListTransaction[]): string {
  return checkListAppend(history).map(formatAnomaly).join('\n');
}

/** Each seed's history with one fault; seeds that offer no place for it are passed over, but not many. */
function expectRejected(faulty: (seed: number) => ListTransaction[] | undefined): void {
  let count = 0;
  for (const seed of seeds) {
    const history = faulty(seed);
    if (history === undefined) continue;
    count += 1;
    expect(told(history), `seed ${seed}`).not.toBe('');
  }
  if (seeds.length > 1) expect(count).toBeGreaterThan(seeds.length / 2);
}

function pickFrom<T>(seed: number, from: readonly T[]): T | undefined {
  return from[newRandom(seed).below(from.length)];
}

describe('a serial store', () => {
  it('is accepted, with what was rolled back and what is unknown in between', () => {
    for (const seed of seeds) expect(told(randomHistory({ seed, ...SMALL })), `seed ${seed}`).toBe('');
  });

  it('is accepted without a read in the end', () => {
    for (const seed of seeds) expect(told(randomHistory({ seed, ...SMALL, final: false })), `seed ${seed}`).toBe('');
  });

  it('is accepted with 20,000 transactions, and rejected with one stale read or one lost append', () => {
    const large = { transactions: 20_000, keys: 20, valuesOfKey: 50, operationsMax: 8, badOneIn: 50, final: true };
    const history = randomHistory({ seed: firstSeed, ...large });
    expect(told(history)).toBe('');
    const forgets = must(appendersOf(history, 'committed')[0], 'an append');
    const read = must(staleReads(history).at(-1), 'a read');
    expect(told(withList(history, read, read.list.slice(0, -1)))).toMatch(/^G-single/);
    // A whole component of almost all of them, and still two transactions that tell it.
    expect(told(randomHistory({ seed: firstSeed, ...large, forgets }))).toMatch(/G-single-realtime:\n.*\n.*$/);
  });
});

describe('a store that breaks a rule once', () => {
  it('is rejected when it forgets a committed append', () => {
    expectRejected((seed) => {
      const forgets = pickFrom(seed, appendersOf(randomHistory({ seed, ...SMALL }), 'committed'));
      return forgets === undefined ? undefined : randomHistory({ seed, ...SMALL, forgets });
    });
  });

  it('is rejected when it keeps what was rolled back', () => {
    expectRejected((seed) => {
      const keeps = pickFrom(seed, appendersOf(randomHistory({ seed, ...SMALL }), 'rolledBack'));
      return keeps === undefined ? undefined : randomHistory({ seed, ...SMALL, keeps });
    });
  });

  it('is rejected when a list has two values the other way round', () => {
    expectRejected((seed) => {
      const history = randomHistory({ seed, ...SMALL });
      const read = pickFrom(
        seed,
        readsIn(history).filter(({ list }) => list.length > 1),
      );
      if (read === undefined) return undefined;
      const [last = 0, before = 0, ...others] = read.list.toReversed();
      return withList(history, read, [...others.reverse(), last, before]);
    });
  });

  it('is rejected when a list has a value twice', () => {
    expectRejected((seed) => {
      const history = randomHistory({ seed, ...SMALL });
      const read = pickFrom(
        seed,
        readsIn(history).filter(({ list }) => list.length > 0),
      );
      return read === undefined ? undefined : withList(history, read, [...read.list, read.list[0] ?? 0]);
    });
  });

  it('is rejected when a read is stale', () => {
    expectRejected((seed) => {
      const history = randomHistory({ seed, ...SMALL });
      const read = pickFrom(seed, staleReads(history));
      return read === undefined ? undefined : withList(history, read, read.list.slice(0, -1));
    });
  });
});

describe('small histories', () => {
  const shapes = [
    { transactions: 6, keys: 2, valuesOfKey: 4, operationsMax: 3, badOneIn: 6 },
    { transactions: 5, keys: 1, valuesOfKey: 9, operationsMax: 3, badOneIn: 3 },
    { transactions: 6, keys: 3, valuesOfKey: 9, operationsMax: 4, badOneIn: 5 },
    { transactions: 7, keys: 2, valuesOfKey: 3, operationsMax: 2, badOneIn: 0 },
    { transactions: 4, keys: 3, valuesOfKey: 9, operationsMax: 5, badOneIn: 2 },
  ];
  const OF_A_SEED = 12;

  const drawHistory = (seed: number): ListTransaction[] => {
    const random = newRandom(seed);
    const shape = must(shapes[random.below(shapes.length)], 'shape');
    const broken = random.below(4) === 0 ? { forgets: random.below(6), keeps: random.below(6) } : {};
    let history = randomHistory({ seed, ...shape, final: random.below(3) === 0, ...broken });
    for (let faults = random.below(4); faults > 0; faults--) history = withDrawnFault(history, random);
    return history;
  };

  it('get the verdict that a search through all orders gives', () => {
    const verdicts = { accepted: 0, rejected: 0 };
    for (const seed of seeds.flatMap((seed) => Array.from({ length: OF_A_SEED }, (_, index) => seed * 1_000 + index))) {
      const history = drawHistory(seed);
      for (const promise of ['serializable', 'strict'] as const) {
        const anomalies = checkListAppend(history, { promise });
        const isGood = hasSerialOrder(history, { isStrict: promise === 'strict' });
        const story = () => `${promise}: ${JSON.stringify(history, undefined, 1)}`;
        if ((anomalies.length === 0) !== isGood) expect(anomalies.map(formatAnomaly), story()).toBe(isGood);
        verdicts[isGood ? 'accepted' : 'rejected'] += 1;
      }
    }
    if (seeds.length === 1) return;
    expect(verdicts.accepted).toBeGreaterThan(seeds.length);
    expect(verdicts.rejected).toBeGreaterThan(seeds.length);
  });
});

/** One read answers what it should not, or all that one transaction did is moved in time. */
function withDrawnFault(history: ListTransaction[], random: Random): ListTransaction[] {
  const reads = readsIn(history);
  const read = reads[random.below(reads.length)];
  if (read === undefined) return history;
  const { list } = read;
  const others = reads.filter(({ key }) => key === read.key);
  switch (random.below(7)) {
    case 0:
      return withList(history, read, list.slice(0, -1));
    case 1:
      return withList(history, read, []);
    case 2:
      return withList(history, read, list.toReversed());
    case 3:
      return withList(history, read, [...list, 1 + random.below(4)]);
    case 4:
      return withList(history, read, list.slice(1));
    case 5: {
      const laterMs = random.below(60);
      return history.map((transaction, index) => {
        if (index !== read.transaction) return transaction;
        const { startMs, endMs } = transaction;
        return { ...transaction, process: 'moved', startMs: startMs + laterMs, endMs: endMs + laterMs };
      });
    }
    default:
      return withList(history, read, must(others[random.below(others.length)], 'itself at least').list);
  }
}

function appendersOf(history: readonly ListTransaction[], outcome: ListTransaction['outcome']): number[] {
  return history.flatMap((transaction, index) =>
    transaction.outcome === outcome && transaction.operations.some(({ kind }) => kind === 'append') ? [index] : [],
  );
}

/** Reads whose last value was appended by another that had ended before the reader began. */
function staleReads(history: readonly ListTransaction[]): PlacedRead[] {
  const appender = new Map<string, ListTransaction>();
  for (const transaction of history) {
    for (const operation of transaction.operations) {
      if (operation.kind === 'append') appender.set(`${operation.key}/${operation.value}`, transaction);
    }
  }
  return readsIn(history).filter(({ transaction, key, list }) => {
    const writer = appender.get(`${key}/${list.at(-1)}`);
    return writer !== undefined && writer.endMs < must(history[transaction], 'reader').startMs;
  });
}
