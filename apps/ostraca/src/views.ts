/** What `ostraca show` prints: from what the processes say of themselves to one table each. */
import type { PartitionConfig, Rid } from '@ostraca/core';
import type { CatalogAnswer, ContainerAnswer, TransactionsAnswer } from './status-of.ts';
import type { TableText } from './terminal.ts';

export interface Statuses {
  readonly catalog: CatalogAnswer;
  /** Of those that answered. */
  readonly containers: readonly ContainerAnswer[];
  readonly transactions: readonly TransactionsAnswer[];
  /** Only of this grid; undefined: of all. */
  readonly grid: string | undefined;
}

export interface View {
  readonly title: string;
  /** Whom it asks, and what. */
  readonly needs: 'catalog' | 'containers' | 'transactions';
  readonly rows: (statuses: Statuses) => Row[];
}

export type Row = Readonly<Record<string, string | number>>;

export const VIEWS = {
  containers: { title: 'who is there', needs: 'catalog', rows: containerRows },
  placement: { title: 'who hosts what', needs: 'catalog', rows: placementRows },
  partitions: { title: 'each partition', needs: 'catalog', rows: partitionRows },
  maps: { title: 'entries and bytes of each map', needs: 'containers', rows: mapRows },
  replication: { title: 'how far each replica is', needs: 'containers', rows: replicationRows },
  clients: { title: 'who is connected', needs: 'containers', rows: clientRows },
  transactions: {
    title: 'transactions that hold locks or wait for some',
    needs: 'transactions',
    rows: transactionRows,
  },
  locks: { title: 'who holds which lock, and who waits', needs: 'transactions', rows: lockRows },
} as const satisfies Record<string, View>;

export function tableOf(rows: readonly Row[]): TableText {
  const head = Object.keys(rows[0] ?? {});
  return { head, rows: rows.map((row) => head.map((column) => row[column] ?? '')) };
}

function containerRows({ catalog }: Statuses): Row[] {
  return catalog.containers.map((container) => ({
    container: container.name,
    state: stateOf(container),
    host: container.host,
    zone: container.zone === '' ? '-' : container.zone,
    address: container.address,
    primaries: container.primaries,
    sync: container.syncReplicas,
    async: container.asyncReplicas,
    joining: container.joining,
    heard: container.lastHeartbeatAgoMs === null ? '-' : `${Math.round(container.lastHeartbeatAgoMs)} ms ago`,
  }));
}

function stateOf({ alive, suspect, ended }: CatalogAnswer['containers'][number]): string {
  if (ended === 'left') return 'left';
  if (ended === 'provedDead' || !alive) return 'dead';
  return suspect ? 'suspect' : 'alive';
}

/** By map set and container: the partitions it is primary of, and those it has a copy of. */
function placementRows({ catalog, grid }: Statuses): Row[] {
  const rows: Row[] = [];
  for (const [key, partitions] of byMapSet(ofGrid(catalog.partitions, grid))) {
    const placed = partitions.flatMap(({ index, config }) => (config === null ? [] : [{ index, config }]));
    const names = new Set(placed.flatMap(({ config }) => containersOf(config)));
    for (const container of [...names].sort()) {
      const where = (holds: (config: PartitionConfig) => boolean): string =>
        ranges(placed.filter(({ config }) => holds(config)).map(({ index }) => index));
      const among = (hosts: readonly { readonly container: string }[]): boolean =>
        hosts.some((host) => host.container === container);
      rows.push({
        'map set': key,
        container,
        primary: where(({ primary, lost }) => !lost && primary.container === container),
        sync: where(({ sync, primary }) => primary.container !== container && among(sync)),
        async: where(({ async: hosts }) => among(hosts)),
        joining: where(({ joining }) => among(joining)),
      });
    }
    const unplaced = partitions.filter(({ config }) => config === null).map(({ index }) => index);
    if (unplaced.length === 0) continue;
    const reason = catalog.unplaceable.find((one) => `${one.grid}/${one.mapSet}` === key)?.reason ?? 'not yet';
    rows.push({
      'map set': key,
      container: `not placed: ${reason}`,
      primary: ranges(unplaced),
      sync: '',
      async: '',
      joining: '',
    });
  }
  return rows;
}

function partitionRows({ catalog, grid }: Statuses): Row[] {
  return ofGrid(catalog.partitions, grid).map(({ grid: gridName, mapSet, index, config }) => ({
    'map set': `${gridName}/${mapSet}`,
    partition: index,
    state: config === null ? 'not placed' : config.lost ? 'lost' : 'placed',
    epoch: config?.epoch ?? '-',
    version: config?.version ?? '-',
    primary: config === null || config.lost ? '-' : config.primary.container,
    sync: config === null ? '-' : namesOf(config.sync.filter((rid) => !isSame(rid, config.primary))),
    async: namesOf(config?.async ?? []),
    joining: namesOf(config?.joining ?? []),
    eligible: namesOf(config?.elr.map(({ rid }) => rid) ?? []),
  }));
}

function mapRows({ containers, grid }: Statuses): Row[] {
  const maps = new Map<string, { entries: number; bytes: number; copies: number }>();
  for (const shard of ofGrid(
    containers.flatMap(({ shards }) => shards),
    grid,
  )) {
    for (const { map, entries, bytes } of shard.maps) {
      const key = JSON.stringify([shard.grid, map]);
      const sum = maps.get(key) ?? { entries: 0, bytes: 0, copies: 0 };
      maps.set(key, sum);
      if (shard.role === 'primary') {
        sum.entries += entries;
        sum.bytes += bytes;
      } else sum.copies += entries;
    }
  }
  return [...maps].map(([key, { entries, bytes, copies }]) => {
    const [gridName = '', map = ''] = JSON.parse(key) as string[];
    return { grid: gridName, map, entries, bytes, 'entries in replicas': copies };
  });
}

function replicationRows({ containers, grid }: Statuses): Row[] {
  const rows: Row[] = [];
  for (const container of containers) {
    for (const shard of ofGrid(container.shards, grid)) {
      if (shard.role !== 'primary') continue;
      const common = {
        'map set': `${shard.grid}/${shard.mapSet}`,
        partition: shard.partition,
        primary: container.name,
        lsn: shard.lastLsn,
        decided: shard.decidedLsn,
      };
      if (shard.followers.length === 0) rows.push({ ...common, replica: '-', state: '-', lag: '-' });
      for (const { container: replica, state, lag } of shard.followers) rows.push({ ...common, replica, state, lag });
    }
  }
  return rows.sort((a, b) => compare(a['map set'], b['map set']) || Number(a.partition) - Number(b.partition));
}

function clientRows({ containers }: Statuses): Row[] {
  return containers.flatMap(({ name, clients }) =>
    clients.map((client) => ({ container: name, client: client.clientId, name: client.name })),
  );
}

function transactionRows({ transactions, grid }: Statuses): Row[] {
  const all = transactions.flatMap((answer) => answer.transactions);
  return ofGrid(all, grid).map(({ grid: gridName, mapSet, partition, transaction, ageMs, silentMs, locks, waits }) => ({
    'map set': `${gridName}/${mapSet}`,
    partition,
    transaction,
    age: `${ageMs} ms`,
    heard: `${silentMs} ms ago`,
    locks,
    waits,
  }));
}

/** In the order of each queue, behind those who hold it. */
function lockRows({ transactions, grid }: Statuses): Row[] {
  const all = transactions.flatMap((answer) => answer.locks);
  return ofGrid(all, grid).map(({ grid: gridName, map, partition, key, mode, owner, state, waitedMs }) => ({
    map: `${gridName}/${map}`,
    partition,
    key,
    mode,
    owner,
    state: state === 'held' ? state : `waits ${waitedMs} ms`,
  }));
}

function ofGrid<Item extends { readonly grid: string }>(items: readonly Item[], grid: string | undefined): Item[] {
  return items.filter((item) => grid === undefined || item.grid === grid);
}

function byMapSet(partitions: CatalogAnswer['partitions']): Map<string, CatalogAnswer['partitions'][number][]> {
  const groups = new Map<string, CatalogAnswer['partitions'][number][]>();
  for (const partition of partitions) {
    const key = `${partition.grid}/${partition.mapSet}`;
    groups.set(key, [...(groups.get(key) ?? []), partition]);
  }
  return groups;
}

function containersOf(config: PartitionConfig): string[] {
  return [...config.sync, ...config.joining, ...config.async].map(({ container }) => container);
}

function namesOf(hosts: readonly { readonly container: string }[]): string {
  return hosts.length === 0 ? '-' : hosts.map(({ container }) => container).join(' ');
}

function isSame(a: Rid, b: Rid): boolean {
  return a.incarnation === b.incarnation && a.shardInc === b.shardInc;
}

/** 0-3 7 9-12 */
export function ranges(indexes: readonly number[]): string {
  if (indexes.length === 0) return '-';
  const parts: { from: number; to: number }[] = [];
  for (const index of [...indexes].sort((a, b) => a - b)) {
    const last = parts.at(-1);
    if (last !== undefined && index === last.to + 1) last.to = index;
    else parts.push({ from: index, to: index });
  }
  return parts.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(' ');
}

function compare(a: string | number | undefined, b: string | number | undefined): number {
  return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
}
