/**
 * Transactions of one partition that hold locks: what its primary knows of them, in memory alone. What they are to write
 * is not here but with their clients, until it comes in one Commit; so one that ends without leaves nothing behind, and one
 * that a fail-over overtakes has written nothing.
 */
import type { ClientId } from '../ids.ts';
import { LIMITS } from '../limits.ts';
import { LockOwner, LockTable } from './lock-table.ts';
import type { PendingRequest } from './request.ts';

export interface OpenTransaction {
  readonly owner: LockOwner;
  readonly clientId: ClientId;
  readonly number: number;
  readonly sinceMs: number;
  /** When its client spoke of it last. */
  heardMs: number;
}

/** Ends that are remembered, so that a late Lock of one of them begins it not anew. */
const ENDED_MAX = 8_192;

export class Transactions {
  readonly locks = new LockTable<PendingRequest>();
  readonly #open = new Map<string, OpenTransaction>();
  readonly #ended = new Set<string>();
  /** Writes outside of transactions that had to wait for a lock. */
  readonly #writes = new Map<PendingRequest, LockOwner>();
  #lastOrder = 0;

  get openCount(): number {
    return this.#open.size;
  }

  list(): Iterable<OpenTransaction> {
    return this.#open.values();
  }

  find(clientId: ClientId, number: number): OpenTransaction | undefined {
    return this.#open.get(nameOf(clientId, number));
  }

  /** @returns undefined: it has ended. */
  open(clientId: ClientId, number: number, nowMs: number): OpenTransaction | undefined {
    const name = nameOf(clientId, number);
    const known = this.#open.get(name);
    if (known !== undefined) {
      known.heardMs = nowMs;
      return known;
    }
    if (this.#ended.has(name)) return undefined;
    const owner = new LockOwner(++this.#lastOrder, name, false);
    const transaction = { owner, clientId, number, sinceMs: nowMs, heardMs: nowMs };
    this.#open.set(name, transaction);
    return transaction;
  }

  isFull(clientId: ClientId): boolean {
    if (this.locks.heldCount >= LIMITS.locksMax) return true;
    if (this.#open.size < LIMITS.openTransactionsMax) return false;
    let count = 0;
    for (const transaction of this.#open.values()) if (transaction.clientId === clientId) count++;
    return count >= LIMITS.openTransactionsMax;
  }

  /** Also of one that has not begun here: it will not. @returns those whose wait is over. */
  end(clientId: ClientId, number: number): PendingRequest[] {
    const name = nameOf(clientId, number);
    this.#ended.add(name);
    if (this.#ended.size > ENDED_MAX) for (const oldest of this.#ended) if (this.#ended.delete(oldest)) break;
    const transaction = this.#open.get(name);
    if (transaction === undefined) return [];
    this.#open.delete(name);
    return this.locks.release(transaction.owner);
  }

  ofOwner(owner: LockOwner): OpenTransaction | undefined {
    return this.#open.get(owner.name);
  }

  keep(clientId: ClientId, numbers: readonly number[], nowMs: number): void {
    for (const number of numbers) {
      const transaction = this.find(clientId, number);
      if (transaction !== undefined) transaction.heardMs = nowMs;
    }
  }

  /** Nobody has spoken of them for LIMITS.transactionIdleMs. */
  idle(nowMs: number): OpenTransaction[] {
    if (this.#open.size === 0) return [];
    return [...this.#open.values()].filter(({ heardMs }) => nowMs - heardMs >= LIMITS.transactionIdleMs);
  }

  /** Undefined: it has not waited. */
  ownerOfWrite(request: PendingRequest): LockOwner | undefined {
    return this.#writes.get(request);
  }

  newOwnerOfWrite(request: PendingRequest): LockOwner {
    const owner = new LockOwner(++this.#lastOrder, `write of ${request.clientId}`, true);
    this.#writes.set(request, owner);
    return owner;
  }

  /** It had its turn: what it holds it needs no more. @returns those whose wait is over. */
  endWrite(request: PendingRequest): PendingRequest[] {
    const owner = this.#writes.get(request);
    if (owner === undefined || owner.waits.size > 0) return [];
    this.#writes.delete(request);
    return this.locks.release(owner);
  }
}

function nameOf(clientId: ClientId, number: number): string {
  return `${clientId}:${number}`;
}
