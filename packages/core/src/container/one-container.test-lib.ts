/**
 * One real container; the catalog, the other containers and the clients are lines of a script. The partition is the
 * only one of its grid. Times: lease 3 s, heartbeat 500 ms, so a vote is missed after 1 s and a grant lasts 2 s.
 *
 * A line that another sends is one turn of the container; what leaves it in that turn follows, `to c2: ...`, and the
 * shard when it has changed (words.test-lib.ts says how both are written). Heartbeats and pings are not shown.
 *
 *     container c1 min=1 max=1 refuses=bad   starts and registers; it votes no to every record with the value `bad`
 *                  lives=CREATION_TIME/5000  the map's time to live
 *                  locks                     the map's strategy is PESSIMISTIC
 *                  limit=LRU/400             the map's limit in bytes, and what it evicts
 *                  memory=1000000            the container's limit in bytes
 *                  digest_every=4            it compares digests at lsns that this divides
 *
 * Time:
 *     tick ms=1000 lease grants=c2,c3   passes in steps of 50 ms; `lease`: the catalog answers every heartbeat,
 *                                       `grants`: these answer every ping
 *     late ms=5000                      one tick that comes so much too late
 *
 * The catalog:
 *     config e=1 v=1 P=c1 S=c1    pushes a configuration; who is named in one is a live member
 *     lease e=1 v=1               answers the last heartbeat, of the newest configuration or of the one named
 *     reject e=1 v=1 P=c1 S=c1    declines the change that is asked for; this is what holds
 *     dead c2                     says that a container is dead
 *     away / back                 its connection breaks / is there again, with everything pushed anew
 *
 * Replicas, when the container is the primary; `inc` is their shard incarnation, 1 unless given:
 *     connect c2                      the connection that the container has dialled is ready
 *     opened c2 last=5 checkpoint     ReplOpenAck, `checkpoint` if it needs one
 *     vote c2 ack=5 applied=4 refused=3 e=2
 *     nack c2 staleEpoch e=2          or demandReplOpen, noSuchShard, askSuffix after=3
 *     grant c2                        answers the last ping
 *     credit c2 100                   has taken in so much of the checkpoint
 *     cut c2                          the connection breaks
 *
 * Primaries, when the container is a replica; each has a connection of its own to it:
 *     repl_open c0 e=1 v=2 P=c0 S=c0,c1 tail=0:0,1:4     with its configuration
 *     append c0 e=1 prev=1:4 hint=4                      records are the body, one a line (`recordOf`)
 *     begin c0 e=1 scan=1:4     chunk c0 e=1     end c0 e=1 end=6 holds=a@1:3
 *                                                        a checkpoint; of a chunk the body is a:1@1:3, done x:1@1:3, or
 *                                                        done x:2, of which it is remembered that it was rolled back
 *     begin c0 e=1 scan=1:9 keeps=4 cleared              a dirty round; its chunks also say removed a, ended x
 *     ping c0 e=1                                        asks for a grant
 *     redial c0                                          its connection breaks, the next message comes by a new one
 *
 * Clients; a write is named by its seq and attempt, `w3` and `w3/2`:
 *     write x seq=3 attempt=2 set=a:1 if=1:2 ttl=10000 e=1     operations as in `operationsOf`
 *     resolve x seq=3                                          asks what became of it (ResolveOrAbort)
 *     read x a,b        size x        leave x                  `leave`: its connection breaks
 *
 *     lock x a,b t=1 mode=exclusive    commit x seq=1 t=1 reads=a@1:3 set=a:2    rollback x t=1    keep x t=1,2
 *                                                              transactions, as `transactionOf` says
 *     poll x after=3 e=1 lineage=other                         NearPoll
 *
 *     drain            the container is asked to leave
 */
import { AssertionError, must } from '../assert.ts';
import type { Member, PartitionConfig } from '../catalog/config.ts';
import { mapSetPolicy } from '../catalog/grid.test-lib.ts';
import { asConnectionId, type ConnectionId } from '../ids.ts';
import type { PeerRole } from '../machine.ts';
import type {
  AnswerMessage,
  CheckpointChunk,
  CheckpointEntry,
  CheckpointKey,
  CheckpointSession,
  Heartbeat,
  LeasePing,
  Message,
  Nack,
} from '../messages.ts';
import { newRandom } from '../random.ts';
import { arg, type ScriptCommand } from '../run-script.test-lib.ts';
import { FOREVER } from '../store/entry-map.ts';
import { type Container, newContainer } from './container.ts';
import {
  answerWords,
  bytesOf,
  configOf,
  HASH_SEED,
  listOf,
  MAP,
  messageWords,
  PARTITION,
  pairOf,
  recordOf,
  requestOf,
  shardWords,
  stateOf,
  tailOf,
  textOf,
} from './words.test-lib.ts';

const LEASE_MS = 3_000;
const HEARTBEAT_MS = 500;
const STEP_MS = 50;

export class OneContainer {
  #container: Container | undefined;
  #nowMs = 1_000;
  #connections = 0;
  #lines: string[] = [];
  #shown = shardWords(undefined);
  #policyJson = '';
  #config: PartitionConfig | undefined;
  readonly #members = new Map<string, Member>();
  /** Dialled and not yet ready, by address. */
  readonly #dialled = new Map<string, ConnectionId>();
  /** By the name at the other end: `catalog`, `x`, `c2` (the container's connection to it), `from c0` (c0's to it). */
  readonly #open = new Map<string, ConnectionId>();
  #heartbeat: Heartbeat | undefined;
  #isAnswered = false;
  readonly #pings = new Map<string, LeasePing>();
  #askedId = 0;
  readonly #requests = new Map<number, string>();

  /** @returns what left the container, and its shard if that has changed. */
  run(command: ScriptCommand): string {
    this.#lines = [];
    try {
      this.#do(command);
    } catch (error) {
      if (!(error instanceof AssertionError) || this.#container === undefined) throw error;
      this.#lines.push(`assertion: ${error.message}`);
    }
    const words = shardWords(this.#container?.inspectShard(PARTITION));
    if (words !== this.#shown) this.#lines.push(words);
    this.#shown = words;
    return this.#lines.join('\n');
  }

  #do(command: ScriptCommand): void {
    const name = () => must([...command.args.keys()][0], `${command.line}: whom?`);
    switch (command.name) {
      case 'container':
        return this.#start(name(), command);
      case 'tick':
        return this.#pass(command);
      case 'late':
        this.#nowMs += Number(arg(command, 'ms'));
        return this.#turn(() => this.#machine.onTick(this.#nowMs, Number(arg(command, 'ms'))));
      case 'drain':
        return this.#turn(() => this.#machine.drain(this.#nowMs));
      case 'config':
        return this.#push([this.#remember(configOf(command))]);
      case 'lease':
        return this.#lease(command);
      case 'reject': {
        const config = this.#remember(configOf(command));
        return this.#say('catalog', { type: 'changeRejected', changeId: this.#askedId, reason: 'no', config });
      }
      case 'dead': {
        const member = must(this.#members.get(name()), name());
        this.#members.set(name(), { ...member, alive: false });
        return this.#push([]);
      }
      case 'away':
        return this.#close('catalog');
      case 'back':
        return this.#register();
      case 'grant':
        return this.#grant(name());
      case 'connect':
        return this.#accept(name());
      case 'cut':
        return this.#close(name());
      case 'redial':
        return this.#close(`from ${name()}`);
      case 'leave':
        return this.#close(name());
      case 'write':
      case 'resolve':
      case 'read':
      case 'size':
      case 'lock':
      case 'commit':
        return this.#request(name(), command);
      case 'rollback':
      case 'keep':
        return this.#notice(name(), command);
      case 'poll':
        return this.#poll(name(), command);
      default: {
        const from = name();
        const vote = this.#fromReplica(command);
        if (vote !== undefined) return this.#say(from, vote);
        const message = this.#fromPrimary(command);
        if (message === undefined) throw new Error(`unknown command: ${command.line}`);
        return this.#say(this.#connectionOf(`from ${from}`, 'container', from), message);
      }
    }
  }

  get #machine(): Container {
    return must(this.#container, 'the script begins with `container`');
  }

  // ── The container and its connections ─────────────────────────────────────────────────────────────────────────

  #start(name: string, command: ScriptCommand): void {
    this.#forget();
    const refused = arg(command, 'refuses', '');
    const mapSet = mapSetPolicy({
      numberOfPartitions: 1,
      minSyncReplicas: Number(arg(command, 'min', '1')),
      maxSyncReplicas: Number(arg(command, 'max', '1')),
    });
    const [type = '', afterMs = '0'] = arg(command, 'lives', '').split('/');
    const timeToLive = type === '' ? {} : { timeToLive: { type, afterMs: Number(afterMs) } };
    const [evict = '', maxBytes = '0'] = arg(command, 'limit', '').split('/');
    const limit = evict === '' ? {} : { limit: { evict, maxBytes: Number(maxBytes) } };
    const lockStrategy = command.args.has('locks') ? ('PESSIMISTIC' as const) : ('OPTIMISTIC' as const);
    const maps = mapSet.maps.map((map) => ({ ...map, lockStrategy, ...timeToLive, ...limit }));
    this.#policyJson = JSON.stringify({ grids: [{ name: 'shop', mapSets: [{ ...mapSet, maps }] }] });
    this.#container = newContainer({
      name,
      incarnation: name,
      address: `ws://${name}`,
      host: 'h',
      zone: '',
      catalogs: ['ws://catalog'],
      random: newRandom(1),
      effects: {
        dial: (url) => {
          const connection = this.#newConnection();
          this.#dialled.set(url.slice('ws://'.length), connection);
          return connection;
        },
        send: (connection, message) => this.#show(connection, message),
        hangUp: (connection) => {
          for (const [peer, open] of this.#open) if (open === connection) this.#lines.push(`hangs up on ${peer}`);
        },
        note: () => {},
      },
      digestEveryLsns: Number(arg(command, 'digest_every', '1000')),
      memoryBytes: Number(arg(command, 'memory', 'Infinity')),
      refuses: ({ operations }) =>
        refused !== '' && operations.some(({ value }) => textOf(value) === refused) ? 'overloaded' : undefined,
    });
    this.#know(name);
    this.#register();
  }

  #notice(name: string, command: ScriptCommand): void {
    const transactions = listOf(arg(command, 't')).map(Number);
    const connection = this.#connectionOf(name, 'client', name);
    if (command.name === 'keep')
      this.#say(connection, { type: 'keepTransactions', partition: PARTITION, transactions });
    for (const transaction of command.name === 'rollback' ? transactions : []) {
      this.#say(connection, { type: 'endTransaction', partition: PARTITION, transaction });
    }
  }

  /** Another story begins in the same script. */
  #forget(): void {
    this.#shown = shardWords(undefined);
    this.#config = undefined;
    this.#heartbeat = undefined;
    for (const table of [this.#members, this.#dialled, this.#open, this.#pings]) table.clear();
  }

  #register(): void {
    while (!this.#dialled.has('catalog')) this.#step();
    this.#accept('catalog', 'catalog');
    this.#say('catalog', {
      type: 'registered',
      generation: 'g1',
      leaseMs: LEASE_MS,
      heartbeatMs: HEARTBEAT_MS,
      policyJson: this.#policyJson,
      hashSeed: HASH_SEED,
    });
    this.#push(this.#config === undefined ? [] : [this.#config], true);
  }

  #newConnection(): ConnectionId {
    this.#connections += 1;
    return asConnectionId(this.#connections);
  }

  #accept(peer: string, role: PeerRole = 'container'): void {
    const connection = must(this.#dialled.get(peer), `a dial to ${peer}`);
    this.#dialled.delete(peer);
    this.#open.set(peer, connection);
    this.#turn(() => this.#machine.onOpen(connection, { role, name: peer, incarnation: peer }, this.#nowMs));
  }

  /** The name of a connection that others open to us; opens it when it is not there. */
  #connectionOf(name: string, role: PeerRole, peer: string): string {
    if (!this.#open.has(name)) {
      const connection = this.#newConnection();
      this.#open.set(name, connection);
      this.#turn(() => this.#machine.onOpen(connection, { role, name: peer, incarnation: peer }, this.#nowMs));
    }
    return name;
  }

  #close(name: string): void {
    const connection = must(this.#open.get(name), `a connection with ${name}`);
    this.#open.delete(name);
    this.#turn(() => this.#machine.onClose(connection, 'cut', this.#nowMs));
  }

  #turn(happens: () => void): void {
    happens();
    this.#machine.onTurnEnd?.(this.#nowMs);
  }

  #say(name: string, message: Message): void {
    const connection = must(this.#open.get(name), `a connection with ${name}`);
    this.#turn(() => this.#machine.onMessage(connection, message, this.#nowMs));
  }

  #show(connection: ConnectionId, message: Message): void {
    const [peer] = [...this.#open].find(([, open]) => open === connection) ?? [];
    if (peer === undefined) return;
    if (message.type === 'heartbeat') {
      this.#heartbeat = message;
      this.#isAnswered = false;
    }
    if (message.type === 'leasePing') this.#pings.set(peer, message);
    if (message.type === 'changeInSync') this.#askedId = message.changeId;
    const label = 'id' in message ? this.#requests.get(message.id) : undefined;
    const words = label === undefined ? messageWords(message) : `${label}: ${answerWords(message as AnswerMessage)}`;
    if (words !== undefined) this.#lines.push(`to ${peer.replace('from ', '')}: ${words}`);
  }

  // ── Time and the catalog ──────────────────────────────────────────────────────────────────────────────────────

  #step(): void {
    this.#nowMs += STEP_MS;
    this.#turn(() => this.#machine.onTick(this.#nowMs, 0));
  }

  #pass(command: ScriptCommand): void {
    const granting = listOf(arg(command, 'grants', ''));
    for (let passedMs = 0; passedMs < Number(arg(command, 'ms', `${STEP_MS}`)); passedMs += STEP_MS) {
      this.#step();
      if (command.args.has('lease') && !this.#isAnswered && this.#heartbeat !== undefined) this.#lease(command);
      for (const peer of granting) if (this.#pings.has(peer)) this.#grant(peer);
    }
  }

  #lease(command: ScriptCommand): void {
    const { epoch, version } = must(this.#config, 'a configuration');
    const { seq, sentAtMs, leaseGen } = must(this.#heartbeat, 'a heartbeat');
    const lease = {
      partition: PARTITION,
      epoch: Number(arg(command, 'e', `${epoch}`)),
      version: Number(arg(command, 'v', `${version}`)),
    };
    this.#isAnswered = true;
    this.#say('catalog', { type: 'heartbeatAck', seq, sentAtMs, leaseGen, leases: [lease] });
  }

  #remember(config: PartitionConfig): PartitionConfig {
    const hosts = [config.primary, ...config.sync, ...config.elr.map(({ rid }) => rid), ...config.joining];
    for (const { container } of hosts) this.#know(container);
    this.#config = config;
    return config;
  }

  #know(container: string): void {
    if (this.#members.has(container)) return;
    const address = `ws://${container}`;
    const labels = { host: 'h', zone: '', alive: true, draining: false };
    this.#members.set(container, { container, incarnation: container, address, ...labels });
  }

  #push(configs: readonly PartitionConfig[], full = false): void {
    const members = [...this.#members.values()];
    this.#say('catalog', { type: 'configPush', generation: 'g1', full, configs, members, unplaceable: [] });
  }

  // ── Others ────────────────────────────────────────────────────────────────────────────────────────────────────

  #grant(peer: string): void {
    const { sentAtMs, leaseGen, partitions, epochs } = must(this.#pings.get(peer), `a ping to ${peer}`);
    this.#pings.delete(peer);
    this.#say(peer, { type: 'leaseGrant', sentAtMs, leaseGen, partitions, epochs });
  }

  #fromReplica(command: ScriptCommand): Message | undefined {
    const number = (name: string, otherwise?: string) => Number(arg(command, name, otherwise));
    const epoch = number('e', `${this.#config?.epoch ?? 0}`);
    const address = { partition: PARTITION, epoch, shardInc: number('inc', '1') };
    switch (command.name) {
      case 'opened':
        return {
          type: 'replOpenAck',
          ...address,
          lastLsn: number('last', '0'),
          needsCheckpoint: command.args.has('checkpoint'),
        };
      case 'vote': {
        const ackLsn = number('ack');
        const refused = listOf(arg(command, 'refused', '')).map((lsn) => ({ lsn: Number(lsn), code: 18 }));
        const version = number('v', `${this.#config?.version ?? 0}`);
        return { type: 'vote', ...address, ackLsn, refused, appliedLsn: number('applied', '0'), version };
      }
      case 'nack': {
        const kind = [...command.args.keys()][1] as Nack['kind'];
        return { type: 'nack', ...address, kind, afterLsn: number('after', '0') };
      }
      case 'credit':
        return { type: 'checkpointCredit', ...address, bytes: Number([...command.args.keys()][1]) };
      default:
        return undefined;
    }
  }

  #fromPrimary(command: ScriptCommand): Message | undefined {
    const number = (name: string, otherwise?: string) => Number(arg(command, name, otherwise));
    const shardInc = number('inc', `${this.#machine.inspectShard(PARTITION)?.rid.shardInc ?? 1}`);
    const address = { partition: PARTITION, epoch: number('e'), shardInc };
    switch (command.name) {
      case 'repl_open': {
        const decidedLsn = number('decided', '0');
        const giveUpShardInc = number('give_up', '0');
        return {
          type: 'replOpen',
          config: configOf(command),
          tail: tailOf(arg(command, 'tail')),
          decidedLsn,
          giveUpShardInc,
          hashSeed: HASH_SEED,
        };
      }
      case 'append': {
        const { epoch, lsn } = pairOf(arg(command, 'prev'));
        const records = command.body.map(recordOf);
        const decidedHint = number('hint', '0');
        return { type: 'append', ...address, prevEpoch: epoch, prevLsn: lsn, records, decidedHint };
      }
      case 'begin': {
        const { epoch, lsn } = pairOf(arg(command, 'scan'));
        return {
          type: 'checkpointBegin',
          ...address,
          scanLsn: lsn,
          scanEpoch: epoch,
          ceilingMs: 0,
          keepsState: command.args.has('keeps'),
          applyLsn: number('keeps', '0'),
          clearedMaps: command.args.has('cleared') ? [MAP] : [],
        };
      }
      case 'chunk':
        return { type: 'checkpointChunk', ...address, ...chunkOf(command.body) };
      case 'end':
        return {
          type: 'checkpointEnd',
          ...address,
          endLsn: number('end'),
          ...stateOf(arg(command, 'holds', '')),
        };
      case 'ping':
        return { type: 'leasePing', sentAtMs: 1, leaseGen: 1, partitions: [PARTITION], epochs: [address.epoch] };
      default:
        return undefined;
    }
  }

  #poll(client: string, command: ScriptCommand): void {
    const epoch = Number(arg(command, 'e', `${this.#config?.epoch ?? 0}`));
    const afterLsn = Number(arg(command, 'after', '0'));
    const lineage = arg(command, 'lineage', 'lineage');
    const poll = { partition: PARTITION, epoch, map: MAP, lineage, afterLsn, sentMs: 1 };
    this.#say(this.#connectionOf(client, 'client', client), { type: 'nearPoll', ...poll });
  }

  #request(client: string, command: ScriptCommand): void {
    const id = this.#requests.size + 1;
    const epoch = Number(arg(command, 'e', `${this.#config?.epoch ?? 0}`));
    const { label, message } = requestOf(command, { id, epoch });
    this.#requests.set(id, label);
    this.#say(this.#connectionOf(client, 'client', client), message);
  }
}

function chunkOf(body: readonly string[]): Pick<CheckpointChunk, 'entries' | 'sessions' | 'removed' | 'endedSessions'> {
  const removed: CheckpointKey[] = [];
  const endedSessions: string[] = [];
  const entries: CheckpointEntry[] = [];
  const sessions: CheckpointSession[] = [];
  for (const line of body) {
    const [verb = '', name = ''] = line.split(' ');
    if (verb === 'removed') removed.push({ map: MAP, key: bytesOf(name) });
    if (verb === 'ended') endedSessions.push(name);
    if (verb === 'removed' || verb === 'ended') continue;
    const [what = '', at = ''] = line.replace('done ', '').split('@');
    const [first = '', second = ''] = what.split(':');
    const { epoch, lsn } = pairOf(at);
    if (!line.startsWith('done '))
      entries.push({ map: MAP, key: bytesOf(first), value: bytesOf(second), epoch, lsn, ...FOREVER });
    else if (at === '') sessions.push({ clientId: first, ackedBelow: 1, done: [], rolledBack: [Number(second)] });
    else sessions.push({ clientId: first, ackedBelow: 1, done: [{ seq: Number(second), epoch, lsn }], rolledBack: [] });
  }
  return { entries, sessions, removed, endedSessions };
}
