/**
 * What the machine wants sent, collected until the turn is over, so that it leaves in one frame per connection: no
 * timer, so an idle client's operation leaves at once. A turn is one callback of the event loop with every promise
 * reaction that it set off: the operations that a program issues as answers arrive travel together too.
 *
 * What one turn has for one peer leaves in parts when it is much: then the peer works on the first while we make the next.
 * In one part, both would take turns at being idle.
 *
 * With a journal, a turn's messages wait until what was journalled by the end of the turn is durable, and turns
 * leave in their order; urgent ones (a heartbeat's answer) go when the turn ends.
 */
import type { Message } from '@ostraca/core';
import type { Connection } from './connection.ts';
import type { DurableGate } from './durable-gate.ts';

/** Fewer in a part, and frames cost more than is gained; more, and 64 calls in flight are one part (docs/internals/performance.md). */
const PART_MESSAGES = 32;

interface Parcel {
  readonly connection: Connection;
  messages: Message[];
  /** Set: hang up after them. */
  hangUp: string | undefined;
}

export interface OutboxOptions {
  readonly afterTurn: (act: () => void) => void;
  readonly gate: DurableGate | undefined;
  readonly onCrash: (error: unknown) => void;
}

export class Outbox {
  readonly #options: OutboxOptions;
  #waiting = new Map<Connection, Parcel>();
  #urgent = new Map<Connection, Parcel>();
  #scheduled = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Nothing was put in since the last turn was over. */
  get isEmpty(): boolean {
    return !this.#scheduled;
  }

  put(connection: Connection, message: Message): void {
    const parcel = this.#parcelOf(this.#waiting, connection);
    if (parcel.hangUp !== undefined) return;
    parcel.messages.push(message);
    if (parcel.messages.length < PART_MESSAGES || this.#options.gate !== undefined) return;
    connection.send(parcel.messages);
    parcel.messages = [];
  }

  putUrgent(connection: Connection, message: Message): void {
    this.#parcelOf(this.#urgent, connection).messages.push(message);
  }

  hangUp(connection: Connection, reason: string): void {
    this.#parcelOf(this.#waiting, connection).hangUp ??= reason;
  }

  /** Something was journalled; its sync starts when the turn ends. */
  touch(): void {
    this.#schedule();
  }

  /** The turn is over. */
  flush(): void {
    this.#scheduled = false;
    const urgent = this.#urgent;
    const waiting = this.#waiting;
    if (urgent.size > 0) {
      this.#urgent = new Map();
      leave(urgent);
    }
    const { gate } = this.#options;
    if (waiting.size > 0) {
      this.#waiting = new Map();
      if (gate === undefined) leave(waiting);
      else gate.pass(() => leave(waiting));
    }
    gate?.push();
  }

  #parcelOf(parcels: Map<Connection, Parcel>, connection: Connection): Parcel {
    let parcel = parcels.get(connection);
    if (parcel === undefined) {
      parcel = { connection, messages: [], hangUp: undefined };
      parcels.set(connection, parcel);
      this.#schedule();
    }
    return parcel;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.afterTurn(() => {
      try {
        this.flush();
      } catch (error) {
        this.#options.onCrash(error);
      }
    });
  }
}

function leave(parcels: ReadonlyMap<Connection, Parcel>): void {
  for (const { connection, messages, hangUp } of parcels.values()) {
    if (messages.length > 0) connection.send(messages);
    if (hangUp !== undefined) connection.hangUp(hangUp);
  }
}
