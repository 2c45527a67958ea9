/**
 * A container machine with a listener to its registrations: whoever starts a container wants to know when it is one
 * of the grid, and why not.
 */
import {
  type ConnectionId,
  type Container,
  type ErrorCode,
  errorCodeOf,
  type Machine,
  type Message,
  type Peer,
  type Policy,
  type Topology,
  topologyOf,
} from '@ostraca/core';
import { hasCode } from '@ostraca/runtime';

export interface RegistrationEvents {
  onRegistered(): void;
  onRefused(code: ErrorCode, reason: string): void;
}

export class RegisteringContainer implements Machine {
  readonly container: Container;
  topology: Topology | undefined;
  readonly #events: RegistrationEvents;
  readonly #catalogs = new Set<ConnectionId>();
  readonly #others = new Set<ConnectionId>();

  constructor(container: Container, events: RegistrationEvents) {
    this.container = container;
    this.#events = events;
  }

  onOpen(connection: ConnectionId, peer: Peer, nowMs: number): void {
    (peer.role === 'catalog' ? this.#catalogs : this.#others).add(connection);
    this.container.onOpen(connection, peer, nowMs);
  }

  onMessage(connection: ConnectionId, message: Message, nowMs: number): void {
    this.container.onMessage(connection, message, nowMs);
    if (!this.#catalogs.has(connection)) return;
    if (message.type === 'registered') {
      this.topology ??= topologyOf(JSON.parse(message.policyJson) as Policy);
      this.#events.onRegistered();
    } else if (message.type === 'registerRefused') {
      this.#events.onRefused(errorCodeOf(message.code), message.reason);
    }
  }

  onClose(connection: ConnectionId, reason: string, nowMs: number): void {
    this.container.onClose(connection, reason, nowMs);
    this.#catalogs.delete(connection);
    // One that never opened may have been to a catalog: no other is dialled before the registration.
    if (!this.#others.delete(connection) && hasCode(reason, 'protocol_version')) {
      this.#events.onRefused('protocol_version', reason);
    }
  }

  onTick(nowMs: number, lateMs: number): void {
    this.container.onTick(nowMs, lateMs);
  }

  onTurnEnd(nowMs: number): void {
    this.container.onTurnEnd?.(nowMs);
  }
}
