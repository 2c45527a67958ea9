/**
 * The connections that this container opens to others: one for each life of a container that it needs. Everything a
 * primary here sends to replicas there goes by it, in order. What others send to us comes by connections of theirs.
 */
import type { Member } from '../catalog/config.ts';
import type { ConnectionId, Incarnation } from '../ids.ts';
import type { Effects, Peer } from '../machine.ts';
import type { Message } from '../messages.ts';

interface Channel {
  readonly incarnation: Incarnation;
  address: string;
  connection: ConnectionId | undefined;
  isOpen: boolean;
  /** No dial before. */
  dialNotBeforeMs: number;
}

const REDIAL_MS = 100;

export class Channels {
  readonly #effects: Effects;
  readonly #byIncarnation = new Map<Incarnation, Channel>();
  readonly #byConnection = new Map<ConnectionId, Channel>();

  constructor(effects: Effects) {
    this.#effects = effects;
  }

  /** Opens what is wanted and lives, hangs up on what is not wanted any more. */
  match(wanted: ReadonlySet<Incarnation>, members: ReadonlyMap<Incarnation, Member>, nowMs: number): void {
    for (const channel of [...this.#byIncarnation.values()]) {
      if (wanted.has(channel.incarnation)) continue;
      this.#byIncarnation.delete(channel.incarnation);
      if (channel.connection !== undefined) this.#effects.hangUp(channel.connection, 'not needed any more');
    }
    for (const incarnation of wanted) {
      const member = members.get(incarnation);
      if (member === undefined) continue;
      let channel = this.#byIncarnation.get(incarnation);
      if (channel === undefined) {
        channel = { incarnation, address: member.address, connection: undefined, isOpen: false, dialNotBeforeMs: 0 };
        this.#byIncarnation.set(incarnation, channel);
      }
      channel.address = member.address;
      // One whose connection is open goes on even if the catalog calls it dead; but nobody dials the dead.
      if (channel.connection === undefined && member.alive && nowMs >= channel.dialNotBeforeMs) this.#dial(channel);
    }
  }

  /** @returns the incarnation at the other end when it is one of ours. */
  onOpen(connection: ConnectionId, peer: Peer): Incarnation | undefined {
    const channel = this.#byConnection.get(connection);
    if (channel === undefined) return undefined;
    if (peer.incarnation !== channel.incarnation) {
      this.#effects.hangUp(connection, 'another life of this container answers');
      return undefined;
    }
    channel.isOpen = true;
    return channel.incarnation;
  }

  /** @returns whether it was one of ours, and whose. */
  onClose(connection: ConnectionId, nowMs: number): Incarnation | undefined {
    const channel = this.#byConnection.get(connection);
    if (channel === undefined) return undefined;
    this.#byConnection.delete(connection);
    channel.connection = undefined;
    channel.isOpen = false;
    channel.dialNotBeforeMs = nowMs + REDIAL_MS;
    return this.#isPresent(channel) ? channel.incarnation : undefined;
  }

  /** Undefined for a connection that was hung up on, which may still deliver for a while. */
  incarnationOf(connection: ConnectionId): Incarnation | undefined {
    const channel = this.#byConnection.get(connection);
    return channel !== undefined && this.#isPresent(channel) ? channel.incarnation : undefined;
  }

  openIncarnations(): Incarnation[] {
    return [...this.#byIncarnation.values()].filter(({ isOpen }) => isOpen).map(({ incarnation }) => incarnation);
  }

  isOpen(incarnation: Incarnation): boolean {
    return this.#byIncarnation.get(incarnation)?.isOpen === true;
  }

  send(incarnation: Incarnation, message: Message): boolean {
    const channel = this.#byIncarnation.get(incarnation);
    if (channel?.connection === undefined || !channel.isOpen) return false;
    this.#effects.send(channel.connection, message);
    return true;
  }

  #isPresent(channel: Channel): boolean {
    return this.#byIncarnation.get(channel.incarnation) === channel;
  }

  #dial(channel: Channel): void {
    const connection = this.#effects.dial(channel.address);
    channel.connection = connection;
    this.#byConnection.set(connection, channel);
  }
}
