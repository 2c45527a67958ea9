/** Goal: no sleep of the machine, long or short, seen by which clock ever, goes unnoticed by who holds a lease. */
import { describe, expect, test } from 'vitest';
import { SuspendGuard } from './suspend-guard.ts';

/** A machine whose monotonic clock stands still while it sleeps. */
class Machine {
  monotonicMs = 5_000;
  wallMs = 1_700_000_000_000;
  bootMs = 90_000;
  readonly guard = new SuspendGuard({ wallMs: () => this.wallMs, bootMs: () => this.bootMs });

  run(ms: number): void {
    this.monotonicMs += ms;
    this.sleep(ms);
  }

  sleep(ms: number): void {
    this.wallMs += ms;
    this.bootMs += ms;
  }

  turn(isTick = false): boolean {
    const isDropped = this.guard.look(this.monotonicMs, isTick);
    this.guard.endTurn();
    return isDropped;
  }

  tick(): boolean {
    return this.turn(true);
  }
}

function runningMachine(): Machine {
  const machine = new Machine();
  for (let turn = 0; turn < 100; turn++) {
    machine.run(20);
    expect(machine.tick()).toBe(false);
  }
  expect(machine.guard.leaseGen).toBe(1);
  return machine;
}

describe('a sleep', () => {
  test('is noticed in the first turn after it, before any tick, and once', () => {
    const machine = runningMachine();
    machine.sleep(101 + 20);
    machine.run(1);
    expect(machine.turn()).toBe(true);
    expect(machine.guard.leaseGen).toBe(2);
    for (let turn = 0; turn < 100; turn++) {
      machine.run(20);
      expect(machine.tick()).toBe(false);
    }
    expect(machine.guard.standstillMs).toBeLessThan(1);
  });

  test('is noticed though it follows at once on one that was noticed', () => {
    const machine = runningMachine();
    machine.sleep(4_000);
    machine.run(1);
    expect(machine.turn()).toBe(true);
    machine.sleep(4_000);
    machine.run(1);
    expect(machine.turn()).toBe(true);
    expect(machine.guard.leaseGen).toBe(3);
  });

  test('is noticed though no time has passed since the last turn by the clock that stands still', () => {
    const machine = runningMachine();
    machine.sleep(4_000);
    expect(machine.turn()).toBe(true);
    machine.sleep(4_000);
    expect(machine.turn()).toBe(true);
  });

  test('is noticed on the next tick when the calendar was put back meanwhile', () => {
    const machine = runningMachine();
    machine.sleep(4_000);
    machine.wallMs -= 4_000;
    machine.run(50);
    expect(machine.turn()).toBe(false);
    expect(machine.tick()).toBe(true);
  });

  test('that is too short to drop anything is counted as time that passed', () => {
    const machine = runningMachine();
    machine.sleep(60);
    machine.run(20);
    expect(machine.turn()).toBe(false);
    expect(machine.guard.standstillMs).toBeGreaterThanOrEqual(60);
  });

  test('and many short ones are not forgotten one by one', () => {
    const machine = runningMachine();
    machine.sleep(60);
    machine.run(20);
    expect(machine.tick()).toBe(false);
    machine.sleep(60);
    machine.run(20);
    expect(machine.tick()).toBe(true);
  });
});

test('a calendar that is set, either way, drops the leases too: it cannot be told from a sleep', () => {
  for (const stepMs of [3_600_000, -3_600_000]) {
    const machine = runningMachine();
    machine.wallMs += stepMs;
    machine.run(20);
    expect(machine.turn()).toBe(true);
  }
});

test('a calendar that is slowly corrected drops nothing', () => {
  const machine = new Machine();
  for (let turn = 0; turn < 60_000; turn++) {
    machine.run(20);
    machine.wallMs += 0.01;
    expect(machine.tick()).toBe(false);
  }
});

test('without other clocks it sees nothing', () => {
  const guard = new SuspendGuard(undefined);
  expect(guard.look(1, true)).toBe(false);
  expect(guard.standstillMs).toBe(0);
});
