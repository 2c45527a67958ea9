/** A catalog with containers played by the test: they register, beat, and do what a primary would. */
import { must } from '../assert.ts';
import { asConnectionId, type ConnectionId, type Host, type PartitionId, type Rid } from '../ids.ts';
import type { Note, PeerRole } from '../machine.ts';
import type { ConfigPush, HeartbeatAck, Message, MessageType, ShardReport } from '../messages.ts';
import type { Policy } from '../policy.ts';
import { newRandom } from '../random.ts';
import { type Catalog, newCatalog } from './catalog.ts';
import { KEEP_ALL, type PartitionConfig } from './config.ts';
import type { CatalogEvent } from './state.ts';

export interface Played extends Host {
  connection: ConnectionId;
  beats: boolean;
  reachable: string[];
}

export class CatalogRig {
  nowMs: number;
  catalog: Catalog;
  readonly journal: CatalogEvent[];
  readonly notes: Note[] = [];
  readonly sent: { connection: ConnectionId; message: Message }[] = [];
  readonly hungUp: ConnectionId[] = [];
  readonly containers = new Map<string, Played>();
  private connections = 0;
  private seq = 0;

  constructor(policy: Policy, events: readonly CatalogEvent[] = [], nowMs = 1_000, seed = 7) {
    this.nowMs = nowMs;
    // As a journal gives them back: other objects of the same content.
    const replayed = JSON.parse(JSON.stringify(events)) as CatalogEvent[];
    this.journal = [...replayed];
    this.catalog = newCatalog({
      policy,
      random: newRandom(seed),
      effects: {
        dial: () => this.newConnection(),
        send: (connection, message) => this.sent.push({ connection, message }),
        sendNow: (connection, message) => this.sent.push({ connection, message }),
        hangUp: (connection) => this.hungUp.push(connection),
        note: (note) => this.notes.push(note),
        journal: (event) => this.journal.push(event),
      },
      events: replayed,
      nowMs,
    });
  }

  open(role: PeerRole, name: string, incarnation = name): ConnectionId {
    const connection = this.newConnection();
    this.catalog.onOpen(connection, { role, name, incarnation }, this.nowMs);
    this.catalog.onTurnEnd?.(this.nowMs);
    return connection;
  }

  say(connection: ConnectionId, message: Message): void {
    this.catalog.onMessage(connection, message, this.nowMs);
    this.catalog.onTurnEnd?.(this.nowMs);
  }

  /** Opens a connection and registers on it; returns it whether accepted or not. */
  register(
    container: string,
    options: Partial<{ life: string; shards: ShardReport[]; generation: string; host: string }> = {},
  ) {
    const incarnation = options.life ?? container;
    const connection = this.open('container', container, incarnation);
    const { shards = [], generation = '', host = 'h' } = options;
    const address = `ws://${container}`;
    this.say(connection, {
      type: 'register',
      name: container,
      incarnation,
      address,
      host,
      zone: '',
      generation,
      shards,
    });
    if (this.last(connection, 'registerRefused') === undefined) {
      this.containers.set(container, { container, incarnation, connection, beats: true, reachable: [] });
    }
    return connection;
  }

  /** Lets time pass: a beat of everybody who beats, then a tick, each 100 ms. */
  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    while (this.nowMs < endMs) {
      this.nowMs += 100;
      for (const played of this.containers.values()) if (played.beats) this.beat(played.container);
      this.tick();
    }
  }

  tick(lateMs = 0): void {
    this.catalog.onTick(this.nowMs, lateMs);
    this.catalog.onTurnEnd?.(this.nowMs);
  }

  beat(container: string): HeartbeatAck | undefined {
    const { connection, reachable } = this.played(container);
    this.seq += 1;
    this.say(connection, { type: 'heartbeat', seq: this.seq, sentAtMs: this.nowMs, leaseGen: 1, reachable });
    const ack = this.last(connection, 'heartbeatAck');
    return ack?.seq === this.seq ? ack : undefined;
  }

  kill(container: string): void {
    this.played(container).beats = false;
    this.catalog.onClose(this.played(container).connection, 'killed', this.nowMs);
    this.catalog.onTurnEnd?.(this.nowMs);
  }

  change(kind: 'add' | 'evict', partition: number, target: Host, keepLsn = 5): void {
    const { epoch, version, primary } = this.config(partition);
    const rid: Rid = { container: target.container, incarnation: target.incarnation, shardInc: 1 };
    const id = partition as PartitionId;
    const { connection } = this.played(primary.container);
    this.say(connection, {
      type: 'changeInSync',
      changeId: 1,
      partition: id,
      epoch,
      version,
      kind,
      target: rid,
      keepLsn,
    });
  }

  /** Every live primary adds who joins and evicts who is dead or leaves. */
  settle(): void {
    const isUp = (host: Host): boolean => {
      const played = this.containers.get(host.container);
      return played?.beats === true && played.incarnation === host.incarnation;
    };
    for (let round = 0; round < 4; round += 1) {
      for (const { partition, primary } of this.placed()) {
        if (!isUp(primary)) continue;
        for (const host of this.config(partition).joining) if (isUp(host)) this.change('add', partition, host);
        for (const rid of this.config(partition).sync) if (!isUp(rid)) this.change('evict', partition, rid);
        for (const rid of this.config(partition).leaving) this.change('evict', partition, rid);
      }
    }
  }

  placed(): PartitionConfig[] {
    return this.catalog.state().partitions.filter((config) => config !== undefined);
  }

  config(partition: number): PartitionConfig {
    return must(this.catalog.state().partitions[partition], `p${partition}`);
  }

  played(container: string): Played {
    return must(this.containers.get(container), container);
  }

  last<Type extends MessageType>(connection: ConnectionId, type: Type): Extract<Message, { type: Type }> | undefined {
    const found = this.sent.findLast((one) => one.connection === connection && one.message.type === type);
    return found?.message as Extract<Message, { type: Type }> | undefined;
  }

  lastPush(container: string): ConfigPush {
    return must(this.last(this.played(container).connection, 'configPush'), 'a push');
  }

  noted(event: string): Note[] {
    return this.notes.filter((note) => note.event === event);
  }

  private newConnection(): ConnectionId {
    this.connections += 1;
    return asConnectionId(this.connections);
  }
}

/** A configuration to change in tests. */
export function configOf(fields: Partial<PartitionConfig> = {}): PartitionConfig {
  const primary = ridOf('a');
  return {
    partition: 0 as PartitionId,
    epoch: 3,
    version: 8,
    lineage: 'lineage',
    primary,
    sync: [primary],
    elr: [],
    joining: [],
    async: [],
    leaving: [],
    keepLsn: KEEP_ALL,
    waitGrants: false,
    lost: false,
    ...fields,
  };
}

export function ridOf(container: string, shardInc = 1): Rid {
  return { container, incarnation: container, shardInc };
}
