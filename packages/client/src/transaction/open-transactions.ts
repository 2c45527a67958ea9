/**
 * The transactions of this client that hold locks somewhere. Their primaries hear of them every few seconds, or take the
 * client for dead and free the locks; and at once when one ends without a commit.
 */
import { type Effects, LIMITS, type Message, type PartitionId } from '@ostraca/core';
import type { Links } from '../links.ts';
import type { Routes } from '../routes.ts';

export interface OpenTransactionsOptions {
  readonly effects: Effects;
  readonly links: Links;
  readonly routes: Routes;
}

const KEEP_EVERY_MS = LIMITS.transactionIdleMs / 3;

export class OpenTransactions {
  readonly #options: OpenTransactionsOptions;
  readonly #open = new Map<PartitionId, Set<number>>();
  #lastNumber = 0;
  #keptMs = Number.NEGATIVE_INFINITY;

  constructor(options: OpenTransactionsOptions) {
    this.#options = options;
  }

  /** @returns its number: never used twice by this client. */
  begin(partition: PartitionId): number {
    this.#lastNumber += 1;
    const numbers = this.#open.get(partition);
    if (numbers === undefined) this.#open.set(partition, new Set([this.#lastNumber]));
    else numbers.add(this.#lastNumber);
    return this.#lastNumber;
  }

  /** The primary has ended it. */
  forget(partition: PartitionId, transaction: number): void {
    const numbers = this.#open.get(partition);
    if (numbers?.delete(transaction) && numbers.size === 0) this.#open.delete(partition);
  }

  /** Without a commit. If the primary cannot be told, it will miss us. */
  end(partition: PartitionId, transaction: number): void {
    this.forget(partition, transaction);
    this.#send({ type: 'endTransaction', partition, transaction });
  }

  onTick(nowMs: number): void {
    if (this.#open.size === 0 || nowMs - this.#keptMs < KEEP_EVERY_MS) return;
    this.#keptMs = nowMs;
    for (const [partition, numbers] of this.#open) {
      const all = [...numbers];
      for (let at = 0; at < all.length; at += LIMITS.openTransactionsMax) {
        const transactions = all.slice(at, at + LIMITS.openTransactionsMax);
        this.#send({ type: 'keepTransactions', partition, transactions });
      }
    }
  }

  #send(message: Extract<Message, { type: 'endTransaction' | 'keepTransactions' }>): void {
    const { effects, links, routes } = this.#options;
    const route = routes.routeOf(message.partition);
    if (route === undefined || route.address === '') return;
    const { state, connection } = links.at(route.address);
    if (state === 'open' && connection !== undefined) effects.send(connection, message);
  }
}
