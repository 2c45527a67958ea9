/** Goal: a container obeys no older catalog, tells a new one what it knows, and is primary of nothing only when told so. */
import { describe, expect, test } from 'vitest';
import { must } from '../assert.ts';
import { configOf, ridOf } from '../catalog/catalog-rig.test-lib.ts';
import { emptyShardInc, KEEP_DECIDED, KEEP_NOTHING, type Member, type PartitionConfig } from '../catalog/config.ts';
import { policyOf } from '../catalog/grid.test-lib.ts';
import { asConnectionId, asPartitionId, type ConnectionId } from '../ids.ts';
import type { Note } from '../machine.ts';
import type { Message, MessageType } from '../messages.ts';
import type { Policy } from '../policy.ts';
import { newRandom } from '../random.ts';
import { newContainer } from './container.ts';

const PARTITION = asPartitionId(0);
const policy = policyOf({ numberOfPartitions: 2 });

/** Container `a`, and catalogs that come one after the other. */
class Rig {
  nowMs = 1_000;
  readonly sent: { connection: ConnectionId; message: Message }[] = [];
  readonly notes: Note[] = [];
  hungUp = 0;
  private dialled: ConnectionId[] = [];
  private connections = 0;
  private catalog: ConnectionId | undefined;
  readonly container = newContainer({
    name: 'a',
    incarnation: 'a',
    address: 'ws://a',
    host: 'h',
    zone: '',
    catalogs: ['ws://catalog'],
    random: newRandom(1),
    effects: {
      dial: (url) => {
        this.connections += 1;
        if (url === 'ws://catalog') this.dialled.push(asConnectionId(this.connections));
        return asConnectionId(this.connections);
      },
      send: (connection, message) => this.sent.push({ connection, message }),
      hangUp: () => {
        this.hungUp += 1;
      },
      note: (note) => this.notes.push(note),
    },
  });

  /** The next catalog accepts the registration. */
  meets(generation: string, terms: Partial<{ policy: Policy; hashSeed: number }> = {}): void {
    if (this.catalog !== undefined) this.container.onClose(this.catalog, 'gone', this.nowMs);
    this.dialled = [];
    while (this.dialled.length === 0) this.tick(50);
    this.catalog = must(this.dialled[0], 'a dial');
    this.container.onOpen(this.catalog, { role: 'catalog', name: 'catalog', incarnation: generation }, this.nowMs);
    const policyJson = JSON.stringify(terms.policy ?? policy);
    const { hashSeed = 7 } = terms;
    this.hears({ type: 'registered', generation, leaseMs: 3_000, heartbeatMs: 500, policyJson, hashSeed });
  }

  hears(message: Message): void {
    this.container.onMessage(must(this.catalog, 'a catalog'), message, this.nowMs);
    this.container.onTurnEnd?.(this.nowMs);
  }

  push(generation: string, configs: PartitionConfig[], names = ['a', 'b', 'c']): void {
    const members = names.map((container): Member => {
      const labels = { address: `ws://${container}`, host: 'h', zone: '', alive: true, draining: false };
      return { container, incarnation: container, ...labels };
    });
    this.hears({ type: 'configPush', generation, full: false, configs, members, unplaceable: [] });
  }

  tick(ms: number): void {
    this.nowMs += ms;
    this.container.onTick(this.nowMs, 0);
    this.container.onTurnEnd?.(this.nowMs);
  }

  last<Type extends MessageType>(type: Type): Extract<Message, { type: Type }> | undefined {
    const found = this.sent.findLast(({ message }) => message.type === type)?.message;
    return found as Extract<Message, { type: Type }> | undefined;
  }

  noted(event: string): Note[] {
    return this.notes.filter((note) => note.event === event);
  }

  get shard() {
    return this.container.inspectShard(PARTITION);
  }

  /** `count` records, of which so many are decided. */
  fill(count: number, decided: number): void {
    const shard = must(this.shard, 'a shard');
    for (let lsn = 1; lsn <= count; lsn++) {
      shard.log.append({
        ...{ lsn, epoch: shard.epoch, kind: 'noop', clientId: '', seq: 0, ackedBelow: 0, map: 0 as never },
        ...{ operations: [], decidedUpTo: 0, aborted: [], clockMs: 0, ceilingMs: 0, digestLsn: 0, stateDigest: 0 },
      });
    }
    shard.decidedLsn = decided;
  }
}

const first = configOf({ epoch: 1, version: 1, lineage: 'l1' });

function primaryOf(generation: string): Rig {
  const rig = new Rig();
  rig.meets(generation);
  rig.push(generation, [first]);
  return rig;
}

describe('which catalog is obeyed', () => {
  test('a newer generation is, an older one is not', () => {
    const rig = primaryOf('2-x');
    rig.meets('3-y');
    expect(rig.last('register')).toMatchObject({ generation: '2-x', shards: [{ partition: 0 }] });
    expect(rig.container.status()).toMatchObject({ generation: '3-y', registered: true });
    rig.meets('2-x');
    expect(rig.hungUp).toBe(1);
    expect(rig.noted('older_catalog_ignored')).toHaveLength(1);
    expect(rig.container.status()).toMatchObject({ generation: '3-y', registered: false });
  });

  test('with shards not even another one of the same counter; without, that is as good as any', () => {
    const rig = primaryOf('1-x');
    rig.meets('1-y');
    expect(rig.container.status()).toMatchObject({ generation: '1-x', registered: false });
    const empty = new Rig();
    empty.meets('1-x');
    empty.meets('1-y');
    expect(empty.container.status()).toMatchObject({ generation: '1-y', registered: true });
  });

  test.each([
    ['policy', { policy: policyOf({ numberOfPartitions: 3 }) }],
    ['hash seed', { hashSeed: 8 }],
  ] as const)('nothing is done for a catalog with another %s, but it is told what is here', (_, terms) => {
    const rig = primaryOf('1-x');
    rig.meets('2-y', terms);
    rig.push('2-y', [{ ...first, epoch: 9, version: 9, primary: ridOf('b'), sync: [ridOf('b')] }]);
    expect(rig.shard?.primary).toBeDefined();
    expect(rig.container.status().generation).toBe('1-x');
    rig.hears({ type: 'configRequest' });
    expect(rig.last('configReport')).toMatchObject({
      configs: [first],
      hashSeed: 7,
      policyJson: JSON.stringify(policy),
    });
  });

  test('a catalog that rebuilds does not call those dead who have not come back yet', () => {
    const rig = primaryOf('1-x');
    rig.meets('2-y');
    rig.push('2-y', [], ['a']);
    rig.hears({ type: 'configRequest' });
    expect(rig.last('configReport')?.containers).toEqual(['a', 'b', 'c']);
    rig.push('2-y', [{ ...first, epoch: 5, version: 2 }], ['a']);
    rig.hears({ type: 'configRequest' });
    expect(rig.last('configReport')?.containers).toEqual(['a']);
  });
});

describe('what the catalog is told', () => {
  test('all configurations, in parts', () => {
    const rig = new Rig();
    rig.meets('1-x', { policy: policyOf({ numberOfPartitions: 1_000 }) });
    const elsewhere = Array.from({ length: 600 }, (_, index) =>
      configOf({ partition: asPartitionId(index), primary: ridOf('b'), sync: [ridOf('b')] }),
    );
    rig.push('1-x', elsewhere);
    rig.hears({ type: 'configRequest' });
    const parts = rig.sent.flatMap(({ message }) => (message.type === 'configReport' ? [message] : []));
    expect(parts.map(({ configs, last }) => [configs.length, last])).toEqual([
      [512, false],
      [88, true],
    ]);
    const empty = new Rig();
    empty.meets('1-x');
    empty.hears({ type: 'configRequest' });
    expect(empty.last('configReport')).toMatchObject({ configs: [], last: true });
  });

  test('copies outside of the in-sync set, with heartbeats, when they have changed', () => {
    const rig = new Rig();
    rig.meets('1-x');
    const elsewhere = {
      ...first,
      primary: ridOf('b'),
      sync: [ridOf('b')],
      async: [{ container: 'a', incarnation: 'a' }],
    };
    rig.push('1-x', [elsewhere]);
    const from = asConnectionId(900);
    rig.container.onOpen(from, { role: 'container', name: 'b', incarnation: 'b' }, rig.nowMs);
    const open = {
      type: 'replOpen',
      config: elsewhere,
      tail: [{ epoch: 0, lastLsn: 0 }],
      decidedLsn: 0,
      giveUpShardInc: 0,
      hashSeed: 9,
    } as const;
    rig.container.onMessage(from, open, rig.nowMs);
    rig.container.onTurnEnd?.(rig.nowMs);
    rig.tick(600);
    expect(rig.last('copyReport')?.shards).toMatchObject([{ partition: 0, shardInc: 1, decidedLsn: 0 }]);
    expect(rig.shard?.hashSeed, 'that of the primary').toBe(9);
    const count = rig.sent.filter(({ message }) => message.type === 'copyReport').length;
    rig.tick(600);
    expect(rig.sent.filter(({ message }) => message.type === 'copyReport')).toHaveLength(count);
    // The primary is gone, and all that it had: what was decided here is what is left.
    rig.fill(5, 3);
    rig.push('1-x', [
      { ...elsewhere, epoch: 2, version: 2, lineage: 'l2', ...own(1), async: [], keepLsn: KEEP_DECIDED },
    ]);
    expect(rig.shard?.primary?.startLsn).toBe(3);
    expect(rig.shard?.log.lastLsn).toBe(3);
  });
});

describe('beginning empty', () => {
  test('only where the catalog says so, under a Rid that was never here', () => {
    const rig = new Rig();
    rig.meets('1-x');
    rig.push('1-x', [{ ...first, epoch: 4, version: 4, ...own(1) }]);
    expect(rig.shard).toBeUndefined();
    expect(rig.last('replicaFailed')).toMatchObject({ reason: 'no such shard in this process' });
    const shardInc = emptyShardInc(5);
    rig.push('1-x', [{ ...first, epoch: 5, version: 5, ...own(shardInc), keepLsn: KEEP_NOTHING }]);
    expect(rig.shard).toMatchObject({ epoch: 5, rid: { shardInc }, decidedLsn: 0 });
    expect(rig.shard?.primary).toBeDefined();
  });

  test('over a copy that is no full one', () => {
    const rig = primaryOf('1-x');
    rig.fill(5, 3);
    const shardInc = emptyShardInc(3);
    rig.push('1-x', [{ ...first, epoch: 3, version: 3, lineage: 'l2', ...own(shardInc), keepLsn: KEEP_NOTHING }]);
    expect(rig.shard).toMatchObject({ epoch: 3, rid: { shardInc }, decidedLsn: 0 });
    expect(rig.shard?.log.lastLsn).toBe(0);
  });
});

function own(shardInc: number): Pick<PartitionConfig, 'primary' | 'sync'> {
  const primary = ridOf('a', shardInc);
  return { primary, sync: [primary] };
}
