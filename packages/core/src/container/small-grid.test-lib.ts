/**
 * A real catalog and real containers, wired by a network in memory; only clients are played. One partition. Lease 3 s,
 * heartbeat 500 ms. Every command lets what was sent arrive, without time passing; what clients are answered follows,
 * then the configuration and the shards as far as they have changed (words.test-lib.ts says how they are written).
 *
 *     grid min=1 max=1 initial=2     an empty one, with its catalog; `reads`: replicas may be read
 *     up c1 life=c1b                 a container's process starts; its life has its name unless given
 *     tick ms=1000                   time passes, in steps of 20 ms
 *     kill c1                        its process ends: connections break, and nothing answers
 *     prove c1                       a supervisor reports that
 *     stop c1 / go c1                its process is stopped and goes on: messages to it wait, connections stay
 *     cut c1 c2 / mend c1 c2         the network between two (or one and `catalog`) breaks and heals
 *     write x seq=1 set=a:1          as in one-container.test-lib.ts, to the primary of the newest configuration,
 *     read x a        size x         or `to=c1 e=1`
 */
import { must } from '../assert.ts';
import { type Catalog, newCatalog } from '../catalog/catalog.ts';
import { mapSetPolicy, showConfig } from '../catalog/grid.test-lib.ts';
import { asConnectionId, type ConnectionId } from '../ids.ts';
import type { Effects, Machine, Peer } from '../machine.ts';
import type { AnswerMessage, Message } from '../messages.ts';
import { newRandom } from '../random.ts';
import { arg, type ScriptCommand } from '../run-script.test-lib.ts';
import { type Container, newContainer } from './container.ts';
import { answerWords, PARTITION, requestOf, shardWords } from './words.test-lib.ts';

const STEP_MS = 20;

interface Process {
  readonly peer: Peer;
  readonly machine: Machine;
  isStopped: boolean;
}

/** One direction of a connection. */
interface End {
  /** A life: `c1`, `catalog`; a client has no process. */
  readonly life: string;
  readonly connection: ConnectionId;
  readonly inbox: Message[];
  /** Its process has been told that the connection is ready. */
  isOpen: boolean;
}

interface Wire {
  readonly ends: readonly [End, End];
  /** Nobody was there, or it broke: each end is still to be told. */
  broken: boolean;
}

export class SmallGrid {
  #nowMs = 1_000;
  #connections = 0;
  #random = newRandom(3);
  readonly #processes = new Map<string, Process>();
  #wires: Wire[] = [];
  readonly #cuts = new Set<string>();
  readonly #requests = new Map<number, string>();
  #lines: string[] = [];
  #shown = new Map<string, string>();

  run(command: ScriptCommand): string {
    this.#lines = [];
    this.#do(command, [...command.args.keys()]);
    this.#deliver();
    const shown = this.#show();
    for (const [whose, words] of shown) if (this.#shown.get(whose) !== words) this.#lines.push(words);
    this.#shown = shown;
    return this.#lines.join('\n');
  }

  #do(command: ScriptCommand, [first = '', second = '']: string[]): void {
    switch (command.name) {
      case 'grid':
        return this.#begin(command);
      case 'up':
        return this.#start(first, arg(command, 'life', first));
      case 'tick':
        return this.#pass(Number(arg(command, 'ms')));
      case 'kill':
        return this.#kill(first);
      case 'prove':
        return this.#ask('tool', 'catalog', { type: 'provedDead', container: first, incarnation: first });
      case 'stop':
      case 'go':
        this.#process(first).isStopped = command.name === 'stop';
        return;
      case 'cut':
        this.#cuts.add([first, second].sort().join());
        return this.#break(({ ends }) => ends.every(({ life }) => life === first || life === second));
      case 'mend':
        this.#cuts.delete([first, second].sort().join());
        return;
      case 'write':
      case 'resolve':
      case 'read':
      case 'size':
        return this.#request(first, command);
      default:
        throw new Error(`unknown command: ${command.line}`);
    }
  }

  // ── Processes ─────────────────────────────────────────────────────────────────────────────────────────────────

  #begin(command: ScriptCommand): void {
    this.#processes.clear();
    this.#wires = [];
    this.#shown.clear();
    const mapSet = mapSetPolicy({
      numberOfPartitions: 1,
      minSyncReplicas: Number(arg(command, 'min', '1')),
      maxSyncReplicas: Number(arg(command, 'max', '1')),
      numInitialContainers: Number(arg(command, 'initial', '2')),
      replicaReadEnabled: command.args.has('reads'),
    });
    const policy = { grids: [{ name: 'shop', mapSets: [mapSet] }] };
    const effects = this.#effectsOf('catalog');
    const machine = newCatalog({
      policy,
      random: this.#random.fork(),
      effects: { ...effects, journal: () => {}, sendNow: effects.send },
      events: [],
      nowMs: this.#nowMs,
    });
    const peer: Peer = { role: 'catalog', name: 'catalog', incarnation: 'catalog' };
    this.#processes.set('catalog', { peer, machine, isStopped: false });
  }

  #start(name: string, life: string): void {
    const machine = newContainer({
      name,
      incarnation: life,
      address: `ws://${life}`,
      host: name,
      zone: '',
      catalogs: ['ws://catalog'],
      random: this.#random.fork(),
      effects: this.#effectsOf(life),
    });
    this.#processes.set(life, { peer: { role: 'container', name, incarnation: life }, machine, isStopped: false });
  }

  #kill(life: string): void {
    must(this.#processes.get(life), life);
    this.#processes.delete(life);
    this.#break(({ ends }) => ends.some((end) => end.life === life));
  }

  #process(life: string): Process {
    return must(this.#processes.get(life), `a process of the life ${life}`);
  }

  #effectsOf(life: string): Effects {
    return {
      dial: (url) => {
        const from = this.#newEnd(life);
        this.#wires.push({ ends: [from, this.#newEnd(url.slice('ws://'.length))], broken: false });
        return from.connection;
      },
      send: (connection, message) => this.#otherEnd(connection)?.inbox.push(message),
      hangUp: (connection) => this.#break(({ ends }) => ends.some((end) => end.connection === connection)),
      note: () => {},
    };
  }

  // ── The network ───────────────────────────────────────────────────────────────────────────────────────────────

  #newEnd(life: string): End {
    this.#connections += 1;
    return { life, connection: asConnectionId(this.#connections), inbox: [], isOpen: false };
  }

  #otherEnd(connection: ConnectionId): End | undefined {
    for (const { ends, broken } of this.#wires) {
      if (broken) continue;
      if (ends[0].connection === connection) return ends[1];
      if (ends[1].connection === connection) return ends[0];
    }
    return undefined;
  }

  #break(which: (wire: Wire) => boolean): void {
    for (const wire of this.#wires) if (which(wire)) wire.broken = true;
  }

  /** Until nothing is on its way, but to processes that are stopped. */
  #deliver(): void {
    for (let busy = true; busy; ) {
      busy = false;
      for (const wire of [...this.#wires]) {
        for (const [index, end] of wire.ends.entries()) {
          const other = wire.ends[1 - index] as End;
          while (this.#deliverOne(wire, end, other)) busy = true;
        }
      }
      this.#wires = this.#wires.filter(({ ends, broken }) => !broken || ends.some(({ isOpen }) => isOpen));
    }
  }

  /** @returns whether something happened at `end`. */
  #deliverOne(wire: Wire, end: End, other: End): boolean {
    const process = this.#processes.get(end.life);
    if (process === undefined) return this.#deliverToNobody(wire, end);
    const { machine } = process;
    if (process.isStopped) return false;
    if (!end.isOpen && !wire.broken) {
      const isReachable = !this.#cuts.has([end.life, other.life].sort().join());
      const there = this.#processes.get(other.life)?.peer ?? clientOf(other.life);
      if (isReachable && there !== undefined) {
        end.isOpen = true;
        return this.#turn(machine, () => machine.onOpen(end.connection, there, this.#nowMs));
      }
      wire.broken = true;
      end.isOpen = true;
    }
    const message = end.inbox.shift();
    if (message !== undefined)
      return this.#turn(machine, () => machine.onMessage(end.connection, message, this.#nowMs));
    if (!wire.broken || !end.isOpen) return false;
    end.isOpen = false;
    return this.#turn(machine, () => machine.onClose(end.connection, 'broken', this.#nowMs));
  }

  #deliverToNobody(wire: Wire, end: End): boolean {
    if (wire.broken) end.isOpen = false;
    const message = end.inbox.shift();
    if (message === undefined) return false;
    const label = 'id' in message ? this.#requests.get(message.id) : undefined;
    if (label !== undefined)
      this.#lines.push(`to ${end.life.slice(1)}: ${label}: ${answerWords(message as AnswerMessage)}`);
    return true;
  }

  #turn(machine: Machine, happens: () => void): boolean {
    happens();
    machine.onTurnEnd?.(this.#nowMs);
    return true;
  }

  #pass(ms: number): void {
    for (const endMs = this.#nowMs + ms; this.#nowMs < endMs; ) {
      this.#nowMs += STEP_MS;
      this.#deliver();
      for (const { machine, isStopped } of [...this.#processes.values()]) {
        if (!isStopped) this.#turn(machine, () => machine.onTick(this.#nowMs, 0));
      }
      this.#deliver();
    }
  }

  // ── Clients and what is to be seen ────────────────────────────────────────────────────────────────────────────

  #request(client: string, command: ScriptCommand): void {
    const config = this.#catalog.state().partitions[PARTITION];
    const to = arg(command, 'to', config?.primary.incarnation);
    const epoch = Number(arg(command, 'e', `${config?.epoch ?? 0}`));
    const id = this.#requests.size + 1;
    const { label, message } = requestOf(command, { id, epoch });
    this.#requests.set(id, label);
    this.#ask(client, to, message);
  }

  /** On a connection that is there already, or a new one. */
  #ask(client: string, to: string, message: Message): void {
    const from = `@${client}`;
    let wire = this.#wires.find(({ ends, broken }) => !broken && ends[0].life === from && ends[1].life === to);
    if (wire === undefined) {
      wire = { ends: [this.#newEnd(from), this.#newEnd(to)], broken: false };
      this.#wires.push(wire);
    }
    wire.ends[1].inbox.push(message);
  }

  get #catalog(): Catalog {
    return this.#process('catalog').machine as Catalog;
  }

  #show(): Map<string, string> {
    const config = this.#catalog.state().partitions[PARTITION];
    const shown = new Map([['catalog', config === undefined ? 'nothing is placed' : showConfig(config)]]);
    for (const [life, { peer, machine }] of this.#processes) {
      if (peer.role !== 'container') continue;
      const shard = (machine as Container).inspectShard(PARTITION);
      shown.set(life, shard === undefined ? `${life} has no shard` : shardWords(shard));
    }
    return shown;
  }
}

function clientOf(life: string): Peer | undefined {
  if (!life.startsWith('@')) return undefined;
  const name = life.slice(1);
  return { role: name === 'tool' ? 'tool' : 'client', name, incarnation: name };
}
