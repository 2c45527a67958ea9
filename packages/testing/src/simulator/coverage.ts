/**
 * Counts what a run came to, by the cells of coverage-cells.ts. It only looks: nothing of a run depends on it, and a run
 * that is not asked for it has none.
 */
import {
  asPartitionId,
  type ErrorCode,
  errorCodeOf,
  type Message,
  type Note,
  type PartitionConfig,
  type Peer,
  type Shard,
} from '@ostraca/core';
import type { Cluster } from './cluster.ts';
import {
  type Carrier,
  codeCell,
  noteCell,
  REASONS,
  type ReasonCarrier,
  reasonCell,
  roleCell,
} from './coverage-cells.ts';
import { happenedIn, heardOf, type WorldView } from './coverage-sometimes.ts';
import {
  catalogRoleOf,
  isFor,
  type OtherEvent,
  partitionsNamedBy,
  type ReceiverKind,
  type Role,
  shardRoleOf,
} from './roles.ts';

/** What a machine is given; `from` says at whose other end. */
export type Given = Message | OtherEvent;
export type CoverageCounts = Readonly<Record<string, number>>;

export class Coverage implements WorldView {
  readonly #cluster: Cluster;
  readonly #partitionCount: number;
  readonly #counts = new Map<string, number>();
  readonly configs = new Map<number, PartitionConfig>();
  readonly asked = new Set<string>();

  constructor(cluster: Cluster, partitionCount: number) {
    this.#cluster = cluster;
    this.#partitionCount = partitionCount;
  }

  get counts(): CoverageCounts {
    return Object.fromEntries(this.#counts);
  }

  /** Just before the machine of this process is given it. */
  given(receiver: string, given: Given, from: Peer | undefined): void {
    const kind = this.#kindOf(receiver);
    if (kind === undefined) return;
    const event = typeof given === 'string' ? given : isFor(kind, given.type) ? given.type : 'not for it';
    for (const role of this.#rolesOf(kind, receiver, given)) this.#count(roleCell(role, event));
    if (typeof given === 'string') return;
    for (const cell of heardOf(this, { receiver, message: given, from })) this.#count(cell);
  }

  /** As it leaves its sender. */
  sent(from: string, message: Message): void {
    switch (message.type) {
      case 'errorAnswer':
        this.#code('errorAnswer', errorCodeOf(message.code));
        break;
      case 'routingRefused':
        this.#code('routingRefused', errorCodeOf(message.code));
        break;
      case 'registerRefused':
        this.#code('registerRefused', errorCodeOf(message.code));
        this.#reason('registerRefused', message.reason);
        break;
      case 'changeRejected':
        this.#reason('changeRejected', message.reason);
        break;
      case 'rebuildAnswer':
        if (message.code !== 0) this.#code('rebuildAnswer', errorCodeOf(message.code));
        for (const { reason } of message.waiting) this.#reason('rebuildAnswer', reason);
        break;
      case 'vote':
        for (const { code } of message.refused) this.#code('vote', errorCodeOf(code));
        break;
      case 'nack':
        this.#count(`nack: ${message.kind}`);
        break;
      default:
    }
    for (const cell of happenedIn(this, { from, message })) this.#count(cell);
  }

  noted({ event, facts }: Note): void {
    this.#count(noteCell(event));
    if (event === 'promoted') {
      this.#count(
        facts.source === 'elr'
          ? 'sometimes: promotion of an eligible replica'
          : 'sometimes: promotion of a member of S',
      );
      this.#count(
        facts.waitGrants === true
          ? 'sometimes: promotion that waits for grants'
          : 'sometimes: promotion that need not wait',
      );
    }
    if (event === 'partition_lost_data') this.#count(`sometimes: partition goes on by ${facts.kind}`);
    if (event === 'container_dead') this.#count(`sometimes: container dead: ${facts.cause}`);
  }

  /** What a caller was told in the end. */
  told(code: ErrorCode): void {
    this.#code('caller', code);
  }

  compared(copies: number): void {
    if (copies > 1) this.#count('sometimes: digests of several copies compared');
  }

  shardOf(container: string, partition: number): Shard | undefined {
    const process = this.#cluster.containers.find(({ name }) => name === container);
    return process?.machine?.inspectShard(asPartitionId(partition));
  }

  /** A stranger is none of ours. */
  #kindOf(receiver: string): ReceiverKind | undefined {
    if (receiver === 'stranger') return undefined;
    if (receiver === this.#cluster.catalog.name) return 'catalog';
    if (this.#cluster.containers.some(({ name }) => name === receiver)) return 'container';
    return receiver.startsWith('client') || receiver === 'checker' ? 'client' : 'tool';
  }

  #rolesOf(kind: ReceiverKind, receiver: string, given: Given): Iterable<Role> {
    if (kind === 'client' || kind === 'tool') return [kind];
    const { catalog } = this.#cluster;
    if (kind === 'catalog') {
      if (catalog.machine === undefined) return [];
      return [catalogRoleOf(catalog.machine, { partitionCount: this.#partitionCount, nowMs: catalog.clockMs })];
    }
    const named = typeof given === 'string' ? [] : partitionsNamedBy(given);
    if (named.length > 0) return named.map((partition) => shardRoleOf(this.shardOf(receiver, partition)));
    const roles = new Set<Role>();
    for (let index = 0; index < this.#partitionCount; index++) roles.add(shardRoleOf(this.shardOf(receiver, index)));
    return roles;
  }

  #code(carrier: Carrier, code: ErrorCode): void {
    this.#count(codeCell(carrier, code));
  }

  /** One that the table does not know has a cell of its own, which fails the command. */
  #reason(carrier: ReasonCarrier, text: string): void {
    const known = (REASONS[carrier] as readonly string[]).find((part) => text.includes(part));
    this.#count(reasonCell(carrier, known ?? text));
  }

  #count(cell: string): void {
    this.#counts.set(cell, (this.#counts.get(cell) ?? 0) + 1);
  }
}
