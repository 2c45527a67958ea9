/**
 * The command line as a peer: it dials, asks, and hears answers. One machine for all of its connections; a promise
 * per question stands here, outside of core, because a tool has nothing else to do while it waits.
 */
import { type ConnectionId, type Effects, GridError, type Machine, type Message, type Peer } from '@ostraca/core';
import { createHost, randomHex } from '@ostraca/runtime';

export interface ToolConnection {
  readonly url: string;
  readonly isOpen: boolean;
  send(message: Message): void;
  /** Resolves to the first message for which `pick` returns something; rejects when it ends or time is up. */
  wait<Answer>(pick: (message: Message) => Answer | undefined, timeoutMs: number): Promise<Answer>;
  /** Hears everything from now on. */
  listen(onMessage: (message: Message) => void): void;
}

export interface Tool {
  /** @throws {@link GridError} `unavailable`: not connected within `timeoutMs`, with the reason. */
  dial(url: string, timeoutMs: number): Promise<ToolConnection>;
  /** Lets what was sent leave. */
  close(): Promise<void>;
}

export function openTool(name = 'ostraca'): Tool {
  const host = createHost({
    self: { role: 'tool', name, incarnation: randomHex(32) },
    machine: (effects) => new ToolMachine(effects),
    unref: true,
  });
  return {
    dial: (url, timeoutMs) => {
      host.keepAlive(true);
      const connection = host.turn(() => host.machine.dial(url, (act) => host.turn(act)));
      return connection.opened(timeoutMs).finally(() => host.keepAlive(false));
    },
    close: () => host.close(),
  };
}

class ToolMachine implements Machine {
  private readonly connections = new Map<ConnectionId, Line>();
  private readonly effects: Effects;

  constructor(effects: Effects) {
    this.effects = effects;
  }

  dial(url: string, inTurn: (act: () => void) => void): Line {
    const id = this.effects.dial(url);
    const line = new Line(url, (message) => inTurn(() => this.effects.send(id, message)));
    this.connections.set(id, line);
    return line;
  }

  onOpen(connection: ConnectionId, _peer: Peer): void {
    this.connections.get(connection)?.onOpen();
  }

  onMessage(connection: ConnectionId, message: Message): void {
    this.connections.get(connection)?.onMessage(message);
  }

  onClose(connection: ConnectionId, reason: string): void {
    this.connections.get(connection)?.onClose(reason);
    this.connections.delete(connection);
  }

  onTick(): void {
    // Deadlines are those of the questions.
  }
}

class Line implements ToolConnection {
  readonly url: string;
  isOpen = false;
  private readonly put: (message: Message) => void;
  private readonly listeners = new Set<(message: Message) => void>();
  private readonly enders = new Set<(reason: string) => void>();
  private readonly openers = new Set<() => void>();

  constructor(url: string, put: (message: Message) => void) {
    this.url = url;
    this.put = put;
  }

  opened(timeoutMs: number): Promise<ToolConnection> {
    return this.until<ToolConnection>(timeoutMs, (resolve) => {
      const onOpen = (): void => resolve(this);
      this.openers.add(onOpen);
      return () => this.openers.delete(onOpen);
    });
  }

  send(message: Message): void {
    this.put(message);
  }

  listen(onMessage: (message: Message) => void): void {
    this.listeners.add(onMessage);
  }

  wait<Answer>(pick: (message: Message) => Answer | undefined, timeoutMs: number): Promise<Answer> {
    return this.until<Answer>(timeoutMs, (resolve) => {
      const onMessage = (message: Message): void => {
        const answer = pick(message);
        if (answer !== undefined) resolve(answer);
      };
      this.listeners.add(onMessage);
      return () => this.listeners.delete(onMessage);
    });
  }

  onOpen(): void {
    this.isOpen = true;
    for (const opener of this.openers) opener();
  }

  onMessage(message: Message): void {
    for (const listener of [...this.listeners]) listener(message);
  }

  onClose(reason: string): void {
    this.isOpen = false;
    for (const ender of [...this.enders]) ender(reason);
  }

  private until<Result>(timeoutMs: number, start: (resolve: (result: Result) => void) => () => void): Promise<Result> {
    return new Promise((resolve, reject) => {
      const fail = (reason: string): void => {
        end();
        reject(new GridError('unavailable', { details: { url: this.url, reason } }));
      };
      const timer = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
      const stop = start((result) => {
        end();
        resolve(result);
      });
      const end = (): void => {
        clearTimeout(timer);
        stop();
        this.enders.delete(fail);
      };
      this.enders.add(fail);
    });
  }
}
