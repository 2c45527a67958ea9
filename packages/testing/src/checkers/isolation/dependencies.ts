/** Edges from what was read (Adya): who must come before whom in every serial order that explains the reads. */
import type { AnomalyBook } from './anomaly-book.ts';
import { EDGE, type Graph } from './graph.ts';
import type { KeyOrder } from './key-order.ts';
import { formatList, formatTransaction } from './list-append.ts';
import type { Orders, OutsideRead } from './orders.ts';

export function addDependencies(graph: Graph, orders: Orders, book: AnomalyBook): void {
  const places = new Map<KeyOrder, number>();
  const readersOfLast = new Map<KeyOrder, Set<number>>();
  orders.keys.forEach((order, key) => {
    places.set(order, key);
    if (order.isBroken) return;
    addWrites(graph, { order, key }, book);
    // It may have read no more of others than earlier ones, and the rest from itself.
    const longestBy = order.longestBy < 0 ? [] : [order.longestBy];
    if (order.seenCount < order.installed.length) readersOfLast.set(order, new Set(longestBy));
  });
  for (const read of orders.outsideReads) {
    const { order } = read;
    if (order.isBroken || !isWhole(read, book)) continue;
    const key = places.get(order) ?? -1;
    const version = order.versionAt(read.others);
    if (version > 0) graph.add(order.at(version - 1).by, read.by, { kind: EDGE.wr, key, append: version - 1 });
    if (version < order.seenCount) {
      graph.add(read.by, order.at(version).by, { kind: EDGE.rw, key, append: version });
    } else {
      readersOfLast.get(order)?.add(read.by);
    }
  }
  for (const [order, readers] of readersOfLast) addUnseen(graph, order, { readers, key: places.get(order) ?? -1 });
}

function addWrites(graph: Graph, { order, key }: { order: KeyOrder; key: number }, book: AnomalyBook): void {
  for (let append = 1; append < order.seenCount; append++) {
    const [before, after] = [order.at(append - 1), order.at(append)];
    graph.add(before.by, after.by, { kind: EDGE.ww, key, append });
    if (before.by !== after.by || before.ordinal < after.ordinal) continue;
    const [writer, reader] = [formatTransaction(after.by), formatTransaction(order.longestBy)];
    const why = `${writer} appended ${after.value} to ${order.key} and then ${before.value}, and ${reader} read them the other way round`;
    book.addPair('incompatibleOrders', [after.by, order.longestBy], why);
  }
}

/** False: the read ends in the middle of a transaction, which is told, and would tell nothing else than this. */
function isWhole({ by, order, others }: OutsideRead, book: AnomalyBook): boolean {
  const version = order.versionAt(others);
  if (version === 0) return true;
  const last = order.at(version - 1);
  if (last.by === by) {
    book.addOwn('internal', by, `read ${last.value} in ${order.key} before it appended it`);
    return false;
  }
  const final = order.lastOf.get(last.by);
  if (final === undefined || (final.position >= 0 && final.position <= last.position)) return true;
  const [writer, reader] = [formatTransaction(last.by), formatTransaction(by)];
  const why = `${reader} read ${order.key} as ${formatList(order.valuesOf(version))}, and ${writer}, which had appended ${last.value}, then appended ${final.value}`;
  book.addPair('G1b', [last.by, by], why);
  return false;
}

/**
 * Whoever read all that was ever read comes before each append that nobody has read, but for its own. Two that read so
 * and then appended are a lost update, which is told elsewhere, so readers that append need no edges among themselves.
 */
function addUnseen(graph: Graph, order: KeyOrder, of: { readers: Set<number>; key: number }): void {
  const only = { readers: graph.addJoint(), appenders: graph.addJoint() };
  const unseen = new Set<number>();
  for (let append = order.seenCount; append < order.installed.length; append++) unseen.add(order.at(append).by);
  for (const reader of of.readers) {
    graph.add(reader, unseen.has(reader) ? only.appenders : only.readers, { kind: EDGE.rw, key: of.key });
  }
  for (let append = order.seenCount; append < order.installed.length; append++) {
    const { by } = order.at(append);
    graph.add(only.readers, by, { kind: EDGE.afterRw, key: of.key, append });
    if (!of.readers.has(by)) graph.add(only.appenders, by, { kind: EDGE.afterRw, key: of.key, append });
  }
}
