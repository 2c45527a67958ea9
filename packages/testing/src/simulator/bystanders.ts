/**
 * Who else is there in a crowded run: a tool that has primaries compare their copies, a supervisor that saw processes
 * exit, and a stranger who sends what nobody should (stranger.ts).
 */
import {
  asPartitionId,
  type ConnectionId,
  type Container,
  type Effects,
  type Incarnation,
  type Machine,
  type Message,
  type Peer,
  type Random,
  type VerifyAnswer,
} from '@ostraca/core';
import { CATALOG_URL, type Cluster } from './cluster.ts';
import { GRID, pick } from './scenario.ts';
import { Stranger, strangerPeer } from './stranger.ts';
import { VirtualProcess, type World } from './virtual-process.ts';
import type { Workload } from './workload.ts';

const VERIFY_EVERY_MS = 300;
const VERIFY_TTL_MS = 2_000;
const STRANGER_LIFE_MS = 3_000;

export interface BystandersOptions {
  readonly world: World;
  readonly cluster: Cluster;
  readonly workload: Workload;
  readonly partitionCount: number;
  readonly random: Random;
  readonly onDifference: (what: string) => void;
}

export class Bystanders {
  readonly #options: BystandersOptions;
  readonly #supervisor: VirtualProcess<Supervisor>;
  readonly #verifier: VirtualProcess<Verifier>;
  readonly #stranger: VirtualProcess<Stranger>;
  #strangerLives = 0;
  #isOver = false;

  constructor(options: BystandersOptions) {
    this.#options = options;
    const { world, random } = options;
    const newProcess = <M extends Machine>(name: string): VirtualProcess<M> =>
      new VirtualProcess<M>({ name, world, random: random.fork(), clockRate: 1 });
    this.#supervisor = newProcess('supervisor');
    this.#verifier = newProcess('verifier');
    this.#stranger = newProcess('stranger');
  }

  start(): void {
    const { cluster, random } = this.#options;
    this.#supervisor.start(toolPeer('supervisor', random), (effects) => new Supervisor(effects));
    this.#verifier.start(
      toolPeer('verifier', random),
      (effects) => new Verifier(effects, { ...this.#options, random: random.fork() }),
    );
    cluster.onExit = (process) => this.#tellDeath(process);
    this.#renewStranger();
  }

  end(): void {
    this.#isOver = true;
    this.#verifier.crash();
    this.#stranger.crash();
  }

  /** Most of the time somebody looks after a process; then a moment later the catalog knows. */
  #tellDeath({ name, peer }: VirtualProcess<Container>): void {
    const { random, world } = this.#options;
    if (random.below(3) === 0) return;
    const { incarnation } = peer;
    world.scheduler.after(20 * random.unit(), () => {
      this.#supervisor.post(() => this.#supervisor.machine?.tell({ container: name, incarnation }));
    });
  }

  #renewStranger(): void {
    if (this.#isOver) return;
    const { random, world, workload, cluster, partitionCount } = this.#options;
    this.#stranger.crash();
    const peer = strangerPeer(random);
    const life = ++this.#strangerLives;
    const containers = cluster.containers.map((process) => process.url ?? '');
    this.#stranger.start(
      peer,
      (effects) => new Stranger({ effects, random: random.fork(), peer, workload, containers, partitionCount, life }),
    );
    world.scheduler.after(STRANGER_LIFE_MS, () => this.#renewStranger());
  }
}

function toolPeer(name: string, random: Random): Peer {
  return { role: 'tool', name, incarnation: random.hex(32) };
}

interface Death {
  readonly container: string;
  readonly incarnation: Incarnation;
}

/** Tells each death once, as soon as a catalog is there. */
class Supervisor implements Machine {
  readonly #effects: Effects;
  #connection: ConnectionId | undefined;
  #isOpen = false;
  #untold: Death[] = [];

  constructor(effects: Effects) {
    this.#effects = effects;
  }

  tell(death: Death): void {
    this.#untold.push(death);
    this.#send();
  }

  onOpen(): void {
    this.#isOpen = true;
    this.#send();
  }

  onMessage(): void {}

  onClose(): void {
    this.#connection = undefined;
    this.#isOpen = false;
  }

  onTick(): void {
    if (this.#connection === undefined && this.#untold.length > 0) this.#connection = this.#effects.dial(CATALOG_URL);
  }

  #send(): void {
    if (!this.#isOpen || this.#connection === undefined) return;
    for (const death of this.#untold.splice(0)) this.#effects.send(this.#connection, { type: 'provedDead', ...death });
  }
}

/** Asks whoever may be the primary of a partition to compare its copies, at one lsn. */
class Verifier implements Machine {
  readonly #effects: Effects;
  readonly #options: BystandersOptions;
  #connection: ConnectionId | undefined;
  #isCatalog = false;
  #askAtMs = 0;
  #lastId = 0;

  constructor(effects: Effects, options: BystandersOptions) {
    this.#effects = effects;
    this.#options = options;
  }

  onOpen(connection: ConnectionId, _peer: Peer, nowMs: number): void {
    this.#askAtMs = nowMs + VERIFY_TTL_MS + VERIFY_EVERY_MS;
    if (this.#isCatalog) {
      this.#effects.send(connection, { type: 'routingRequest', grid: GRID });
      this.#effects.send(connection, { type: 'rebuild', grid: 'nowhere', acceptLoss: false });
      return;
    }
    const partition = asPartitionId(this.#options.random.below(this.#options.partitionCount));
    this.#effects.send(connection, { type: 'verify', id: ++this.#lastId, partition, ttlMs: VERIFY_TTL_MS });
  }

  onMessage(connection: ConnectionId, message: Message): void {
    if (message.type === 'verifyAnswer') this.#compare(message);
    if (message.type === 'verifyAnswer' || message.type === 'errorAnswer') this.#effects.hangUp(connection, 'answered');
  }

  onClose(connection: ConnectionId, _reason: string, nowMs: number): void {
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    this.#askAtMs = nowMs + VERIFY_EVERY_MS;
  }

  onTick(nowMs: number): void {
    if (nowMs < this.#askAtMs) return;
    if (this.#connection !== undefined) {
      this.#effects.hangUp(this.#connection, 'it took too long');
      this.#askAtMs = nowMs + VERIFY_EVERY_MS;
      return;
    }
    const { random, cluster } = this.#options;
    this.#isCatalog = random.below(8) === 0;
    const { url = CATALOG_URL } = this.#isCatalog ? cluster.catalog : pick(random, cluster.containers);
    this.#connection = this.#effects.dial(url);
  }

  #compare({ lsn, digests }: VerifyAnswer): void {
    this.#options.world.onCompared?.(digests.length);
    if (new Set(digests.map(({ digest, count }) => `${digest} ${count}`)).size <= 1) return;
    const each = digests.map(({ rid, role, digest, count }) => `${rid.container} (${role}) ${digest} of ${count}`);
    this.#options.onDifference(`copies differ at lsn ${lsn}: ${each.join(', ')}`);
  }
}
