/**
 * The simulator's network, with what a script needs besides: to keep a message of one kind on its way, and all that is
 * sent behind it on the same connection, until the script lets it go on; and to lose what is on its way.
 */
import type { Message } from '@ostraca/core';
import { decodeFrame } from '@ostraca/protocol';
import { type End, type EndHandlers, type Station, VirtualNetwork } from '../simulator/virtual-network.ts';

export interface HoldRule {
  readonly from: string;
  readonly to: string;
  readonly type: Message['type'];
  /** Of several of that type: which one. Default: the first. */
  readonly where?: (message: Message) => boolean;
}

/** One message that stands still, or will. */
export class Hold {
  readonly rule: HoldRule;
  end: End | undefined;

  constructor(rule: HoldRule) {
    this.rule = rule;
  }

  /** It was sent, and has not arrived. */
  get isOnItsWay(): boolean {
    return this.end !== undefined;
  }
}

export class StageNetwork extends VirtualNetwork {
  readonly #waiting = new Set<Hold>();
  readonly #dialled = new WeakSet<End>();

  /** From the next message that fits the rule on, its connection stands still in that direction. */
  hold(rule: HoldRule): Hold {
    const hold = new Hold(rule);
    this.#waiting.add(hold);
    return hold;
  }

  release(hold: Hold): void {
    this.#waiting.delete(hold);
    if (hold.end !== undefined) this.unstall(hold.end);
  }

  override heal(): void {
    this.#waiting.clear();
    super.heal();
  }

  override send(end: End, frame: Uint8Array): void {
    for (const hold of this.#waiting) {
      const { from, to, type, where } = hold.rule;
      if (end.station.name !== from || end.toName !== to) continue;
      const messages = decodeFrame(frame) as Message[];
      if (!messages.some((message) => message.type === type && (where?.(message) ?? true))) continue;
      this.#waiting.delete(hold);
      hold.end = end;
      this.stall(end);
    }
    super.send(end, frame);
  }

  override dial(station: Station, url: string, handlers: EndHandlers): End {
    const end = super.dial(station, url, handlers);
    this.#dialled.add(end);
    return end;
  }

  /** What leaves by the connections that `from` has opened itself stands still. */
  stallDialled(from: string, to: string): void {
    for (const end of this.connections()) {
      if (end.station.name === from && end.toName === to && this.#dialled.has(end)) this.stall(end);
    }
  }

  areConnected(a: string, b: string): boolean {
    return this.connections().some(({ station, toName }) => {
      return (station.name === a && toName === b) || (station.name === b && toName === a);
    });
  }

  /** Every connection between the two breaks, and what is on its way is lost. */
  lose(a: string, b: string): void {
    for (const end of this.connections()) {
      const names = [end.station.name, end.toName];
      if (!names.includes(a) || !names.includes(b)) continue;
      end.queue.length = 0;
      if (end.other !== undefined) end.other.queue.length = 0;
      this.cut(end, { halfOpen: false });
    }
  }
}
