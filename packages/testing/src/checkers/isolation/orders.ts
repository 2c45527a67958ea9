/**
 * First part of the judgement: what was read, list by list, and from it who counts as committed and in which order
 * values were appended. A transaction whose outcome is unknown has committed if, and only if, somebody who has
 * committed read what it appended; then its own reads count, too, and may prove others.
 */
import { assert, must } from '@ostraca/core';
import type { AnomalyBook } from './anomaly-book.ts';
import { type Append, KeyOrder } from './key-order.ts';
import { formatList, formatTransaction, type ListTransaction } from './list-append.ts';
import { type OwnRead, ownReads } from './own-reads.ts';

/** A read that tells who comes before its reader and who after. */
export interface OutsideRead {
  readonly by: number;
  readonly order: KeyOrder;
  /** Of its values, from the beginning, those that the reader had not appended itself before. */
  readonly others: number;
  /** The reader had appended nothing to the key before. */
  readonly isFirst: boolean;
}

export class Orders {
  readonly keys: KeyOrder[] = [];
  readonly outsideReads: OutsideRead[] = [];
  private readonly transactions: readonly ListTransaction[];
  private readonly book: AnomalyBook;
  private readonly byKey = new Map<string, KeyOrder>();
  /** 1: has committed, as far as can be known. */
  private readonly counted: Uint8Array;
  private readonly toRead: number[] = [];
  private readonly toldValues = new Set<Append>();

  constructor(transactions: readonly ListTransaction[], book: AnomalyBook) {
    this.transactions = transactions;
    this.book = book;
    this.counted = new Uint8Array(transactions.length);
    for (const [index, transaction] of transactions.entries()) this.addAppends(transaction, index);
    for (const [index, { outcome }] of transactions.entries()) if (outcome === 'committed') this.count(index);
    for (let index = this.toRead.pop(); index !== undefined; index = this.toRead.pop()) this.addReads(index);
    for (const order of this.keys) order.settle((index) => this.counts(index));
  }

  counts(index: number): boolean {
    return this.counted[index] === 1;
  }

  private order(key: string): KeyOrder {
    let order = this.byKey.get(key);
    if (order === undefined) {
      order = new KeyOrder(key);
      this.byKey.set(key, order);
      this.keys.push(order);
    }
    return order;
  }

  private addAppends({ operations }: ListTransaction, by: number): void {
    for (const operation of operations) {
      if (operation.kind !== 'append') continue;
      const { key, value } = operation;
      const order = this.order(key);
      assert(
        !order.appends.has(value),
        `the history appends ${value} to ${key} twice: nobody could tell which was read`,
      );
      const append = { value, by, ordinal: order.appends.size, position: -1 };
      order.appends.set(value, append);
      order.lastOf.set(by, append);
    }
  }

  private count(index: number): void {
    if (this.counted[index] === 1) return;
    this.counted[index] = 1;
    this.toRead.push(index);
  }

  private addReads(by: number): void {
    const { reads, contradictions } = ownReads(must(this.transactions[by], 'transaction'));
    for (const what of contradictions) this.book.addOwn('internal', by, what);
    for (const read of reads) {
      const order = this.order(read.key);
      this.addList(order, read, by);
      if (read.others === undefined) continue;
      const isFirst = read.others === read.list.length;
      this.outsideReads.push({ by, order, others: read.others, isFirst });
    }
  }

  private addList(order: KeyOrder, { list }: OwnRead, by: number): void {
    const { longest } = order;
    const common = Math.min(list.length, longest.length);
    let index = 0;
    while (index < common && list[index] === longest[index]) index += 1;
    if (index < common) this.addDiverging(order, list, by);
    else if (list.length > longest.length) this.addLonger(order, list, by);
  }

  private addLonger(order: KeyOrder, list: readonly number[], by: number): void {
    for (let index = order.longest.length; index < list.length; index++) {
      const append = this.inspect(order, must(list[index], 'value'), by);
      if (append === undefined) continue;
      if (append.position < 0) append.position = index;
      else this.addDuplicate(order, append, { list, by });
    }
    order.longest = list;
    order.longestBy = by;
  }

  private addDiverging(order: KeyOrder, list: readonly number[], by: number): void {
    const seen = new Set<number>();
    let hasDuplicate = false;
    for (const value of list) {
      const append = this.inspect(order, value, by);
      if (seen.has(value) && append !== undefined) {
        this.addDuplicate(order, append, { list, by });
        hasDuplicate = true;
      }
      seen.add(value);
    }
    if (order.isBroken || hasDuplicate) return;
    order.isBroken = true;
    const [one, other] = [formatTransaction(by), formatTransaction(order.longestBy)];
    const why = `${one} read ${order.key} as ${formatList(list)}, and ${other} as ${formatList(order.longest)}`;
    this.book.addPair('incompatibleOrders', [by, order.longestBy], why);
  }

  private addDuplicate(order: KeyOrder, append: Append, read: { list: readonly number[]; by: number }): void {
    order.isBroken = true;
    if (this.isTold(append)) return;
    const why = `${formatTransaction(read.by)} read ${order.key} as ${formatList(read.list)}, with ${append.value} twice, which ${formatTransaction(append.by)} appended once`;
    this.book.addPair('duplicateAppend', [append.by, read.by], why);
  }

  /** A value that somebody read: who appended it, and may it be seen? */
  private inspect(order: KeyOrder, value: number, reader: number): Append | undefined {
    const append = order.appends.get(value);
    if (append === undefined) {
      this.book.addOwn('garbage', reader, `read ${value} in ${order.key}, which nobody appended`);
      return undefined;
    }
    const { outcome } = must(this.transactions[append.by], 'transaction');
    if (outcome === 'unknown') this.count(append.by);
    if (outcome === 'rolledBack' && !this.isTold(append)) {
      const why = `${formatTransaction(append.by)} was rolled back and had appended ${value} to ${order.key}, which ${formatTransaction(reader)} read`;
      this.book.addPair('G1a', [append.by, reader], why);
    }
    return append;
  }

  /** Each value is told of once. */
  private isTold(append: Append): boolean {
    if (this.toldValues.has(append)) return true;
    this.toldValues.add(append);
    return false;
  }
}
