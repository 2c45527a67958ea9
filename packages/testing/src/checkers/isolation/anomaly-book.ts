import { type Anomaly, type AnomalyKind, type Because, formatTransaction } from './list-append.ts';

/** A history that is bad in one place is often bad in thousands: enough of each kind is enough. */
const OF_A_KIND_MAX = 100;

/** Collects what is found. */
export class AnomalyBook {
  readonly anomalies: Anomaly[] = [];
  private readonly countOf = new Map<AnomalyKind, number>();

  add(anomaly: Anomaly): void {
    const count = (this.countOf.get(anomaly.kind) ?? 0) + 1;
    this.countOf.set(anomaly.kind, count);
    if (count <= OF_A_KIND_MAX) this.anomalies.push(anomaly);
  }

  /** About two transactions, or one. `words` go between their names. */
  addPair(kind: AnomalyKind, pair: readonly [number, number], why: string): void {
    const [from, to] = pair;
    const because: Because = { from, to, why };
    this.add({ kind, transactions: from === to ? [from] : [from, to], because: [because] });
  }

  addOwn(kind: AnomalyKind, index: number, what: string): void {
    this.addPair(kind, [index, index], `${formatTransaction(index)} ${what}`);
  }
}
