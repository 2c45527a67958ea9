import type { AnomalyBook } from './anomaly-book.ts';
import type { KeyOrder } from './key-order.ts';
import { type Because, formatList, formatTransaction } from './list-append.ts';
import type { Orders, OutsideRead } from './orders.ts';

/** Pairs of transactions that are known to have lost an update: what cycles they make is told by that. */
export class LostUpdates {
  private readonly groupsOf = new Map<number, Set<number>>();
  private groupCount = 0;

  /** Two that read one version of a key and then append to it: the second has not seen the first. */
  find(orders: Orders, book: AnomalyBook): void {
    const byVersion = new Map<KeyOrder, Map<number, OutsideRead[]>>();
    for (const read of orders.outsideReads) {
      const { order, isFirst, by, others } = read;
      if (order.isBroken || !isFirst || !order.lastOf.has(by)) continue;
      let versions = byVersion.get(order);
      if (versions === undefined) {
        versions = new Map();
        byVersion.set(order, versions);
      }
      const version = order.versionAt(others);
      const same = versions.get(version);
      if (same === undefined) versions.set(version, [read]);
      else same.push(read);
    }
    for (const [order, versions] of byVersion) {
      for (const [version, reads] of versions) if (reads.length > 1) this.tell(order, { version, reads }, book);
    }
  }

  /** Whether two of them lost one update: each should have seen the other's, so they are in a circle by that. */
  explains(transactions: readonly number[]): boolean {
    const met = new Set<number>();
    for (const transaction of transactions) {
      for (const group of this.groupsOf.get(transaction) ?? []) {
        if (met.has(group)) return true;
        met.add(group);
      }
    }
    return false;
  }

  private tell(order: KeyOrder, of: { version: number; reads: readonly OutsideRead[] }, book: AnomalyBook): void {
    const transactions = of.reads.map(({ by }) => by).sort((a, b) => a - b);
    const list = formatList(order.valuesOf(of.version));
    const because = transactions.map((by, index): Because => {
      const appended = order.lastOf.get(by)?.value;
      const why = `${formatTransaction(by)} read ${order.key} as ${list}, and appended ${appended}`;
      return { from: by, to: transactions[(index + 1) % transactions.length] ?? by, why };
    });
    book.add({ kind: 'lostUpdate', transactions, because });
    const group = this.groupCount++;
    for (const by of transactions) {
      const groups = this.groupsOf.get(by);
      if (groups === undefined) this.groupsOf.set(by, new Set([group]));
      else groups.add(group);
    }
  }
}
