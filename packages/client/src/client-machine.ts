/** What the client machine is given and what it offers. */
import type { ClientId, Clocks, Effects, GridError, Machine, Mutation, Random } from '@ostraca/core';
import type { NearCaches } from './near/near-caches.ts';
import type { ClientRequest, Done, Pending } from './pending.ts';
import type { Routes } from './routes.ts';
import type { StatusEvent } from './status.ts';
import type { Timers } from './timers.ts';
import type { Tokens } from './tokens.ts';
import type { OpenTransactions } from './transaction/open-transactions.ts';

export interface ClientMachineSettings {
  /** The first connect fails after so long. */
  readonly connectTimeoutMs: number;
  /** Keys and values of all requests that have no answer yet; past it calls wait. */
  readonly maxPendingBytes: number;
  readonly onUnavailable: 'wait' | 'fail';
}

export interface ClientMachineOptions {
  /** Addresses of catalogs or containers, at least one. */
  readonly endpoints: readonly string[];
  readonly grid: string;
  readonly clientId: ClientId;
  readonly random: Random;
  readonly effects: Effects;
  readonly settings: ClientMachineSettings;
  readonly onStatus?: (event: StatusEvent) => void;
  /** Whether somebody waits for this client: for the first connect, or for an answer. Called when it changes. */
  readonly onBusy?: (busy: boolean) => void;
  /** Default: none, and nothing that is kept near notices that the machine slept. */
  readonly clocks?: Clocks;
  /** Rules broken on purpose: only the simulator throws these switches. */
  readonly mutations?: ReadonlySet<Mutation>;
}

export interface ClientMachine extends Machine {
  readonly clientId: ClientId;
  readonly routes: Routes;
  readonly tokens: Tokens;
  readonly near: NearCaches;
  /** Begins to connect. `done` is called once: when the routing is known, or with why it is not. */
  start(nowMs: number, done: (error: GridError | undefined) => void): void;
  /** `done` is called exactly once, not always in a later turn. */
  submit(request: ClientRequest, done: Done, nowMs: number): Pending;
  /** Gives a request up, at once: `done` is called with `aborted`, if it was not called yet. */
  abort(pending: Pending, reason: unknown, nowMs: number): void;
  /**
   * Nobody wants it any more, but what becomes of it must be known: it is not sent again, and `done` is called with its outcome, by
   * its deadline. One that reached no primary ends at once with `aborted`.
   */
  settle(pending: Pending, reason: unknown, nowMs: number): void;
  /** `act` is called a tick after `dueMs` at the latest, unless the client is closed. */
  readonly timers: Timers;
  readonly transactions: OpenTransactions;
  /** `done` is called once, after a random while that grows with `failures`, or when the client is closed. */
  pause(failures: number, done: () => void, nowMs: number): void;
  /** Gives all up with `closed` and hangs up, at once. */
  close(): void;
}
