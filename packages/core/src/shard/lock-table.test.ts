// Goal: locks that go together are held together, everybody's turn comes in order, and a deadlock is found by who closes it.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { asMapId } from '../ids.ts';
import { goTogether, type HeldMode, includes, joined } from './lock-modes.ts';
import { LockOwner, LockTable, type LockWish } from './lock-table.ts';

const map = asMapId(0);
const MODES: readonly HeldMode[] = ['IS', 'IX', 'S', 'SIX', 'U', 'X'];
const bytes = (name: string): Uint8Array => new TextEncoder().encode(name);
const of = (key: string, mode: HeldMode): LockWish => ({ map, key: bytes(key), mode });
const whole = (mode: HeldMode): LockWish => ({ map, key: undefined, mode });

class Table {
  readonly locks = new LockTable<string>();
  readonly #owners = new Map<string, LockOwner>();

  owner(name: string): LockOwner {
    const owner = this.#owners.get(name) ?? new LockOwner(this.#owners.size + 1, name, false);
    this.#owners.set(name, owner);
    return owner;
  }

  /** @returns whether it has it at once; else it waits under `waiter`. */
  take(name: string, wish: LockWish, waiter = name): boolean {
    return this.locks.acquire(this.owner(name), wish, { waiter, nowMs: 0 });
  }

  end(name: string): string[] {
    return this.locks.release(this.owner(name));
  }

  cycle(name: string): string[] | undefined {
    return this.locks.cycleOf(this.owner(name))?.map(({ owner }) => owner.name);
  }
}

test('readers go together, a writer waits for them, and who comes after the writer waits behind it', () => {
  const table = new Table();
  expect(table.take('a', of('k', 'S'))).toBe(true);
  expect(table.take('b', of('k', 'S'))).toBe(true);
  expect(table.take('w', of('k', 'X'))).toBe(false);
  expect(table.take('c', of('k', 'S'))).toBe(false);
  expect(table.end('a')).toEqual([]);
  expect(table.end('b')).toEqual(['w']);
  expect(table.end('w')).toEqual(['c']);
  expect(table.end('c')).toEqual([]);
  expect(table.locks.isEmpty).toBe(true);
});

test('one upgradable beside readers; raised, it waits for them and goes before who has nothing yet', () => {
  const table = new Table();
  expect(table.take('u', of('k', 'U'))).toBe(true);
  expect(table.take('r', of('k', 'S'))).toBe(true);
  expect(table.take('v', of('k', 'U'))).toBe(false);
  expect(table.take('u', of('k', 'X'))).toBe(false);
  expect(table.cycle('u')).toBeUndefined();
  expect(table.end('r')).toEqual(['u']);
  expect(table.end('u')).toEqual(['v']);
});

test('two readers who both want to write are a deadlock of two', () => {
  const table = new Table();
  table.take('a', of('k', 'S'));
  table.take('b', of('k', 'S'));
  expect(table.take('a', of('k', 'X'))).toBe(false);
  expect(table.cycle('a')).toBeUndefined();
  expect(table.take('b', of('k', 'X'))).toBe(false);
  expect(table.cycle('b')).toEqual(['b', 'a']);
  expect(table.end('b')).toEqual(['a']);
});

test('a cycle over three keys, through a queue', () => {
  const table = new Table();
  table.take('a', of('1', 'X'));
  table.take('b', of('2', 'X'));
  table.take('c', of('3', 'S'));
  expect(table.take('b', of('1', 'X'))).toBe(false);
  // It goes together with the holder, but stands behind one who does not.
  expect(table.take('d', of('3', 'X'))).toBe(false);
  expect(table.take('a', of('3', 'S'))).toBe(false);
  expect(table.cycle('a')).toBeUndefined();
  expect(table.take('c', of('2', 'S'))).toBe(false);
  expect(table.cycle('c')).toEqual(['c', 'b', 'a', 'd']);
});

test('who reads all of a map waits for its writers, and its writers for who reads all of it', () => {
  const table = new Table();
  expect(table.take('w', whole('IX'))).toBe(true);
  expect(table.take('s', whole('S'))).toBe(false);
  expect(table.end('w')).toEqual(['s']);
  expect(table.take('r', whole('IS'))).toBe(true);
  expect(table.take('w', whole('IX'))).toBe(false);
  expect(table.end('s')).toEqual(['w']);
});

test('asked for again it is the same, and a wait that is given up frees those behind it', () => {
  const table = new Table();
  table.take('a', of('k', 'S'));
  expect(table.take('a', of('k', 'S'))).toBe(true);
  expect(table.locks.heldCount).toBe(1);
  table.take('w', of('k', 'X'));
  table.take('b', of('k', 'S'));
  const { removed, free } = table.locks.removeWaits(({ owner }) => owner.name === 'w');
  expect(removed.map(({ waiter }) => waiter)).toEqual(['w']);
  expect(free).toEqual(['b']);
  expect(table.locks.waitCount).toBe(0);
});

test('what two modes are together includes both, and goes together with no more than either', () => {
  for (const a of MODES) {
    for (const b of MODES) {
      const both = joined(a, b);
      expect(includes(both, a) && includes(both, b)).toBe(true);
      expect(goTogether(a, b)).toBe(goTogether(b, a));
      for (const c of MODES) if (goTogether(both, c)) expect(goTogether(a, c) && goTogether(b, c)).toBe(true);
    }
  }
});

const step = fc.record({
  owner: fc.integer({ min: 0, max: 5 }),
  key: fc.integer({ min: 0, max: 3 }),
  mode: fc.constantFrom<HeldMode>('S', 'U', 'X'),
  ends: fc.boolean(),
});

test('whatever is asked for: holders go together, nobody waits without a reason, and without a cycle all get through', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const table = new Table();
      const waiting = new Map<string, LockWish>();
      const ended = new Set<string>();
      const free = (names: string[]): void => {
        for (const name of names) waiting.delete(name);
      };
      for (const { owner, key, mode, ends } of steps) {
        const name = `${owner}`;
        if (ended.has(name)) continue;
        if (ends) {
          free(table.end(name));
          waiting.delete(name);
          ended.add(name);
        } else if (!waiting.has(name)) {
          const wish = of(`${key}`, mode);
          if (!table.take(name, wish)) waiting.set(name, wish);
          // Whoever closes a cycle gives up.
          if (table.cycle(name) !== undefined) {
            free(table.end(name));
            waiting.delete(name);
            ended.add(name);
          }
        }
        checkHolders(table.locks);
        expect(table.locks.waitCount).toBe(waiting.size);
        for (const one of waiting.keys()) expect(table.cycle(one)).toBeUndefined();
      }
      // No cycle: somebody can always end, and so in the end all do.
      for (let left = 6; left > 0 && waiting.size > 0; left--) {
        for (let owner = 0; owner <= 5; owner++) {
          const name = `${owner}`;
          if (!waiting.has(name)) free(table.end(name));
        }
      }
      expect(waiting.size).toBe(0);
    }),
    { numRuns: 500 },
  );
});

function checkHolders(locks: LockTable<string>): void {
  for (const { holders, queue } of locks.places()) {
    const held = [...holders];
    for (const [a, mode] of held)
      for (const [b, other] of held) if (a !== b) expect(goTogether(mode, other)).toBe(true);
    expect(holders.size + queue.length).toBeGreaterThan(0);
    const first = queue[0];
    if (first === undefined) continue;
    const clashes = held.some(([owner, mode]) => owner !== first.owner && !goTogether(mode, first.mode));
    expect(clashes).toBe(true);
  }
}
