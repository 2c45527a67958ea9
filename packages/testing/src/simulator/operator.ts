/**
 * Who is called when a grid cannot help itself: says that whoever is missing is gone, until nothing waits any more; at
 * first without accepting any loss.
 */
import type { ConnectionId, Effects, Machine, Message, Random } from '@ostraca/core';
import { CATALOG_URL } from './cluster.ts';
import { GRID } from './scenario.ts';
import { VirtualProcess, type World } from './virtual-process.ts';

const AGAIN_MS = 1_000;

class Operator implements Machine {
  readonly #effects: Effects;
  #connection: ConnectionId | undefined;
  #askAtMs = 0;
  #acceptLoss = false;
  #isDone = false;

  constructor(effects: Effects) {
    this.#effects = effects;
  }

  onOpen(connection: ConnectionId): void {
    this.#effects.send(connection, { type: 'rebuild', grid: GRID, acceptLoss: this.#acceptLoss });
  }

  onMessage(connection: ConnectionId, message: Message): void {
    if (message.type !== 'rebuildAnswer') return;
    this.#effects.hangUp(connection, 'answered');
    this.#connection = undefined;
    this.#isDone = message.waiting.length === 0;
    this.#acceptLoss = true;
  }

  onClose(connection: ConnectionId): void {
    if (connection === this.#connection) this.#connection = undefined;
  }

  onTick(nowMs: number): void {
    if (this.#isDone || this.#connection !== undefined || nowMs < this.#askAtMs) return;
    this.#askAtMs = nowMs + AGAIN_MS;
    this.#connection = this.#effects.dial(CATALOG_URL);
  }
}

export function callOperator(world: World, random: Random): void {
  const process = new VirtualProcess<Operator>({ name: 'operator', world, random: random.fork(), clockRate: 1 });
  process.start({ role: 'tool', name: 'operator', incarnation: random.hex(32) }, (effects) => new Operator(effects));
}
