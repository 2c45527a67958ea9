/** How many copies and primaries each live container has, over all map sets and in each: what placement balances. */
import { must } from '../assert.ts';
import type { Host, Incarnation } from '../ids.ts';
import type { TopologyMapSet } from '../topology.ts';

export class Loads {
  private readonly all: Map<Incarnation, number>;
  private readonly byMapSet = new Map<TopologyMapSet, Map<Incarnation, number>>();
  private readonly hosts: readonly Host[];

  constructor(hosts: readonly Host[]) {
    this.hosts = hosts;
    this.all = emptyCounts(hosts);
  }

  /** Does nothing for a host that is not among those counted: a dead one has no load. */
  add(mapSet: TopologyMapSet, host: Host, count: number): void {
    const total = this.all.get(host.incarnation);
    if (total === undefined) return;
    this.all.set(host.incarnation, total + count);
    const counts = this.countsOf(mapSet);
    counts.set(host.incarnation, must(counts.get(host.incarnation), 'count') + count);
  }

  of(host: Host): number {
    return this.all.get(host.incarnation) ?? 0;
  }

  inMapSet(mapSet: TopologyMapSet, host: Host): number {
    return this.byMapSet.get(mapSet)?.get(host.incarnation) ?? 0;
  }

  /** The floor of a fair share. */
  floor(mapSet?: TopologyMapSet): number {
    if (this.hosts.length === 0) return 0;
    let sum = 0;
    for (const count of (mapSet === undefined ? this.all : this.countsOf(mapSet)).values()) sum += count;
    return Math.floor(sum / this.hosts.length);
  }

  private countsOf(mapSet: TopologyMapSet): Map<Incarnation, number> {
    let counts = this.byMapSet.get(mapSet);
    if (counts === undefined) {
      counts = emptyCounts(this.hosts);
      this.byMapSet.set(mapSet, counts);
    }
    return counts;
  }
}

function emptyCounts(hosts: readonly Host[]): Map<Incarnation, number> {
  return new Map(hosts.map(({ incarnation }) => [incarnation, 0]));
}
