/** The words in which scripts tell configurations, records, messages and shards, read and written alike. */
import { KEEP_ALL, type PartitionConfig } from '../catalog/config.ts';
import { errorCodeOf } from '../errors.ts';
import { asMapId, asPartitionId, type Lsn, type Rid } from '../ids.ts';
import type {
  AnswerMessage,
  CheckpointBegin,
  Commit,
  EpochEnd,
  LockMode,
  LogRecord,
  Message,
  Operation,
  OperationKind,
  ReadMode,
  RecordKind,
  RequestMessage,
} from '../messages.ts';
import { stateDigestOf } from '../replication/state-digest.ts';
import { arg, type ScriptCommand } from '../run-script.test-lib.ts';
import { mapOf, type Shard } from '../shard/shard.ts';
import { EntryMap, FOREVER } from '../store/entry-map.ts';

export const PARTITION = asPartitionId(0);
export const MAP = asMapId(0);
export const HASH_SEED = 7;

export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

export function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

export function listOf(text: string): string[] {
  return text === '' ? [] : text.split(',');
}

/** `c2` is the first shard life of the container c2 (whose own life has its name), `c2.3` the third. */
export function ridOf(word: string): Rid {
  const [container = '', shardInc = '1'] = word.split('.');
  return { container, incarnation: container, shardInc: Number(shardInc) };
}

function ridWord({ container, shardInc }: Rid): string {
  return shardInc === 1 ? container : `${container}.${shardInc}`;
}

/** `1:10` is (epoch 1, lsn 10). */
export function pairOf(word: string): { epoch: number; lsn: Lsn } {
  const [epoch = '', lsn = ''] = word.split(':');
  return { epoch: Number(epoch), lsn: Number(lsn) };
}

export function tailOf(word: string): EpochEnd[] {
  return listOf(word).map((pair) => {
    const { epoch, lsn } = pairOf(pair);
    return { epoch, lastLsn: lsn };
  });
}

/** `e=2 v=3 P=c1 S=c1,c2 elr=c3/7,c4/all joining=c5 async=c6 leaving=c2 keep=7 wait lost`: of these, what there is. */
export function configOf(command: ScriptCommand): PartitionConfig {
  const list = (name: string) => listOf(arg(command, name, ''));
  const keep = (word: string) => (word === 'all' ? KEEP_ALL : Number(word));
  return {
    partition: PARTITION,
    epoch: Number(arg(command, 'e')),
    version: Number(arg(command, 'v')),
    lineage: 'lineage',
    primary: ridOf(arg(command, 'P')),
    sync: list('S').map(ridOf),
    elr: list('elr').map((word) => {
      const [rid = '', keepLsn = ''] = word.split('/');
      return { rid: ridOf(rid), keepLsn: keep(keepLsn) };
    }),
    joining: list('joining').map(ridOf),
    async: list('async').map(ridOf),
    leaving: list('leaving').map(ridOf),
    keepLsn: keep(arg(command, 'keep', 'all')),
    waitGrants: command.args.has('wait'),
    lost: command.args.has('lost'),
  };
}

/**
 * `set=a:1,b:2 insert=a:1 update=a:1 delete=a touch=a expire=a clear`, in this order; `if=1:3` is the version that each
 * must have, `lives=5000` its own time to live, `until=6000` (in records) when it ends.
 */
export function operationsOf(args: ReadonlyMap<string, string>): Operation[] {
  const version = pairOf(args.get('if') ?? '0:0');
  const operations: Operation[] = [];
  const lifetime = { ttlMs: Number(args.get('lives') ?? '0'), expireAtMs: Number(args.get('until') ?? '0') };
  for (const kind of ['set', 'insert', 'acquire', 'update', 'delete', 'touch', 'expire', 'clear'] as const) {
    const words = args.get(kind);
    if (words === undefined) continue;
    for (const word of kind === 'clear' ? [''] : listOf(words))
      operations.push(operationOf(kind, word, { ...version, ...lifetime }));
  }
  return operations;
}

function operationOf(
  kind: OperationKind,
  word: string,
  { epoch, lsn, ttlMs, expireAtMs }: { epoch: number; lsn: Lsn; ttlMs: number; expireAtMs: number },
): Operation {
  const [key = '', value = ''] = word.split(':');
  return {
    kind,
    key: bytesOf(key),
    value: bytesOf(value),
    ifEpoch: epoch,
    ifLsn: lsn,
    ttlMs,
    expireAtMs,
    mapOffset: 0,
  };
}

/**
 * `2:12 set=a:1 carries=11 by=x:3`: a write of the client x, its seq 3 (without `by`: nobody's);
 * `2:13 evict expire=a if=1:3`: an eviction; `2:13 aborted=12 carries=11`: the record that rolls 12 back; `2:13 marker by=x:3`: an abort marker. `ceiling=5000`: it
 * carries one. `digest=12/a@1:3,b@2:12`: it carries the digest of these entries, as the state at lsn 12.
 */
export function recordOf(line: string): LogRecord {
  const [position = '', ...words] = line.trim().split(/\s+/);
  const args = new Map(words.map((word) => [word.split('=', 1)[0] as string, word.slice(word.indexOf('=') + 1)]));
  const { epoch, lsn } = pairOf(position);
  const operations = operationsOf(args);
  const [clientId = '', seq = '0'] = (args.get('by') ?? '').split(':');
  return {
    lsn,
    epoch,
    kind: kindOf(args, operations),
    clientId,
    seq: Number(seq),
    ackedBelow: 1,
    map: MAP,
    operations,
    decidedUpTo: Number(args.get('carries') ?? '0'),
    aborted: listOf(args.get('aborted') ?? '').map(Number),
    clockMs: 0,
    ceilingMs: Number(args.get('ceiling') ?? '0'),
    ...digestTold(args.get('digest') ?? '0/'),
  };
}

function kindOf(args: ReadonlyMap<string, string>, operations: readonly Operation[]): RecordKind {
  if (args.has('evict')) return 'evict';
  if (args.has('expire')) return 'expire';
  if (args.has('marker')) return 'abortMarker';
  return operations.length > 0 ? 'write' : 'noop';
}

function digestTold(word: string): Pick<LogRecord, 'digestLsn' | 'stateDigest'> {
  const [lsn = '0', entries = ''] = word.split('/');
  return { digestLsn: Number(lsn), stateDigest: Number(lsn) === 0 ? 0 : stateOf(entries).stateDigest };
}

/** `a@1:3,b@2:12`: a state of these entries, as a checkpoint's end tells of it. */
export function stateOf(word: string): { stateDigest: number; count: number } {
  const entries = new EntryMap(HASH_SEED);
  for (const entry of listOf(word)) {
    const [key = '', version = ''] = entry.split('@');
    entries.put({ key: bytesOf(key), value: bytesOf(''), ...pairOf(version), ...FOREVER });
  }
  return { stateDigest: stateDigestOf({ maps: new Map([[MAP, entries]]) }), count: entries.count };
}

/**
 * `write x seq=3 attempt=2 set=a:1 ttl=10000`, `resolve x seq=3`, `read x a,b mode=eventual`, `size x`; the label is
 * `w3/2`, `resolve 3`, `read a,b`, `size`. `acked=3`: the client has the answers of all below (default 1).
 */
export function requestOf(
  command: ScriptCommand,
  { id, epoch }: { id: number; epoch: number },
): { label: string; message: RequestMessage } {
  const request = { id, partition: PARTITION, epoch, map: MAP, ttlMs: Number(arg(command, 'ttl', '10000')) };
  if (command.name === 'lock' || command.name === 'commit') return transactionOf(command, request);
  if (command.name === 'size') return { label: 'size', message: { type: 'size', ...request } };
  if (command.name === 'read') {
    const words = [...command.args.keys()][1] ?? '';
    const keys = listOf(words).map(bytesOf);
    const how = {
      mode: arg(command, 'mode', 'linearizable') as ReadMode,
      maxStalenessMs: Number(arg(command, 'stale', '0')),
      minLsn: Number(arg(command, 'min', '0')),
      minClockMs: 0,
    };
    return { label: `read ${words}`, message: { type: 'read', ...request, keys, withoutValues: false, ...how } };
  }
  const seq = Number(arg(command, 'seq'));
  const ackedBelow = Number(arg(command, 'acked', '1'));
  if (command.name === 'resolve') {
    return { label: `resolve ${seq}`, message: { type: 'resolveOrAbort', ...request, seq, ackedBelow } };
  }
  const attempt = Number(arg(command, 'attempt', '1'));
  return {
    label: attempt === 1 ? `w${seq}` : `w${seq}/${attempt}`,
    message: { type: 'write', ...request, seq, ackedBelow, attempt, operations: operationsOf(command.args) },
  };
}

/**
 * `lock x a,b t=1 mode=exclusive wait=500` (without keys: the whole map), `commit x seq=1 t=1 reads=a@1:3,b ranges=5 set=a:2`:
 * `a@1:3` was read with that version, `b` was not there, the map was counted at lsn 5. `began=1`: the epoch of its answers.
 */
function transactionOf(
  command: ScriptCommand,
  request: { id: number; partition: typeof PARTITION; epoch: number; map: typeof MAP; ttlMs: number },
): { label: string; message: RequestMessage } {
  const transaction = Number(arg(command, 't', '0'));
  const waitMs = Number(arg(command, 'wait', '1000'));
  if (command.name === 'lock') {
    const word = [...command.args.keys()][1] ?? '';
    const keys = word === 't' ? [] : listOf(word).map(bytesOf);
    const mode = arg(command, 'mode', 'shared') as LockMode;
    const label = `t${transaction} ${mode} ${keys.length === 0 ? 'all' : word}`;
    return { label, message: { type: 'lock', ...request, transaction, mode, keys, withoutValues: false, waitMs } };
  }
  const seq = Number(arg(command, 'seq'));
  const attempt = Number(arg(command, 'attempt', '1'));
  const reads = listOf(arg(command, 'reads', '')).map((word) => {
    const [key = '', version = '0:0'] = word.split('@');
    return { map: MAP, key: bytesOf(key), ...pairOf(version) };
  });
  const ranges = listOf(arg(command, 'ranges', '')).map((lsn) => ({ map: MAP, lsn: Number(lsn), clockMs: 0 }));
  const message: Commit = {
    ...{ type: 'commit', ...request, seq, ackedBelow: 1, attempt, transaction, waitMs, reads, ranges },
    beganEpoch: Number(arg(command, 'began', '0')),
    operations: operationsOf(command.args),
  };
  return { label: attempt === 1 ? `c${seq}` : `c${seq}/${attempt}`, message };
}

function recordWords({ lsn, epoch, kind, clientId, seq, ...record }: LogRecord): string {
  const { operations, decidedUpTo, aborted, ceilingMs, digestLsn } = record;
  const words = operations.map(({ kind, key, value, expireAtMs }) => {
    const until = expireAtMs > 0 ? ` until=${expireAtMs}` : '';
    if (kind === 'clear') return kind;
    return value.length === 0 ? `${kind}=${textOf(key)}${until}` : `${kind}=${textOf(key)}:${textOf(value)}${until}`;
  });
  if (kind === 'evict') words.unshift(kind);
  if (kind === 'abortMarker') words.push(`marker by=${clientId}:${seq}`);
  if (aborted.length > 0) words.push(`aborted=${aborted.join(',')}`);
  if (ceilingMs > 0) words.push(`ceiling=${ceilingMs}`);
  if (digestLsn > 0) words.push(`digest_of=${digestLsn}`);
  return [`${epoch}:${lsn}`, ...words, `carries=${decidedUpTo}`].join(' ');
}

/** What leaves a container, in one line; undefined for what scripts do not look at (heartbeats, pings, routing). */
export function messageWords(message: Message): string | undefined {
  switch (message.type) {
    case 'register':
    case 'heartbeat':
    case 'leasePing':
    case 'routing':
      return undefined;
    case 'changeInSync': {
      const { kind, target, epoch, version, keepLsn } = message;
      return `${kind} ${ridWord(target)} e${epoch} v${version}${kind === 'evict' ? ` keep=${keepLsn}` : ''}`;
    }
    case 'handOver':
      return `hand_over e${message.epoch} v${message.version}`;
    case 'replicaFailed':
      return `replica_failed ${ridWord(message.rid)}: ${message.reason}`;
    case 'replOpen': {
      const { config, tail, decidedLsn } = message;
      const ends = tail.map(({ epoch, lastLsn }) => `${epoch}:${lastLsn}`);
      const giveUp = message.giveUpShardInc > 0 ? ` give_up=${message.giveUpShardInc}` : '';
      return `repl_open e${config.epoch} v${config.version} tail=${ends.join(',')} decided=${decidedLsn}${giveUp}`;
    }
    case 'replOpenAck':
      return `repl_open_ack${life(message)} last=${message.lastLsn}${message.needsCheckpoint ? ' checkpoint' : ''}`;
    case 'append': {
      const { prevEpoch, prevLsn, decidedHint, records } = message;
      return [
        `append${life(message)} prev=${prevEpoch}:${prevLsn} hint=${decidedHint}`,
        ...records.map(recordWords),
      ].join(' | ');
    }
    case 'vote': {
      const refused = message.refused.length === 0 ? '' : ` refused=${message.refused.map(({ lsn }) => lsn).join(',')}`;
      return `vote${life(message)} ack=${message.ackLsn} applied=${message.appliedLsn}${refused}`;
    }
    case 'nack':
      return `nack ${message.kind}${life(message)}${message.kind === 'askSuffix' ? ` after=${message.afterLsn}` : ''}`;
    case 'nearChanges': {
      const { fromLsn, toLsn, allKeys, keys, fresh, clockMs } = message;
      const what = allKeys ? ['all keys'] : keys.map(textOf);
      const notes = [fresh ? ' fresh' : '', clockMs > 0 ? ` clock=${clockMs}` : ''];
      return `near e${message.epoch} ${fromLsn}..${toLsn}${what.length > 0 ? ` ${what.join(',')}` : ''}${notes.join('')}`;
    }
    case 'leaseGrant':
      return message.epochs.length === 0
        ? 'grant nothing'
        : `grant ${message.epochs.map((epoch) => `e${epoch}`).join(',')}`;
    case 'checkpointBegin':
      return `checkpoint_begin${life(message)} scan=${message.scanEpoch}:${message.scanLsn}${roundWords(message)}`;
    case 'checkpointChunk': {
      const entries = message.entries.map(
        ({ key, value, epoch, lsn }) => ` ${textOf(key)}:${textOf(value)}@${epoch}:${lsn}`,
      );
      const done = message.sessions.flatMap(({ clientId, done, rolledBack }) => [
        ...done.map(({ seq, epoch, lsn }) => ` ${clientId}:${seq}@${epoch}:${lsn}`),
        ...rolledBack.map((seq) => ` ${clientId}:${seq} rolled back`),
      ]);
      return `checkpoint_chunk${life(message)}${[...entries, ...done].join('')}`;
    }
    case 'checkpointEnd':
      return `checkpoint_end${life(message)} end=${message.endLsn}`;
    case 'checkpointCredit':
      return `checkpoint_credit${life(message)} ${message.bytes}`;
    default:
      return message.type;
  }
}

function roundWords({ keepsState, applyLsn, clearedMaps }: CheckpointBegin): string {
  return keepsState ? ` keeps=${applyLsn}${clearedMaps.length > 0 ? ' cleared' : ''}` : '';
}

function life({ epoch, shardInc }: { epoch: number; shardInc: number }): string {
  return ` e${epoch}${shardInc === 1 ? '' : ` inc=${shardInc}`}`;
}

export function answerWords(answer: AnswerMessage): string {
  switch (answer.type) {
    case 'writeAnswer':
      return answer.applied ? `written ${answer.epoch}:${answer.lsn}` : 'was absent';
    case 'rolledBack':
      return 'rolled back';
    case 'readAnswer':
      return answer.entries
        .map(({ found, value, epoch, lsn }) => (found ? `${textOf(value)}@${epoch}:${lsn}` : 'absent'))
        .join(' ');
    case 'sizeAnswer':
      return `${answer.count}`;
    case 'errorAnswer': {
      const { waitedFor } = JSON.parse(answer.detailsJson) as { waitedFor?: string };
      return `${errorCodeOf(answer.code)}${waitedFor === undefined ? '' : `, waited for ${waitedFor}`}`;
    }
    default:
      return answer.type;
  }
}

/**
 * `c1 e2 v3 primary last=12 decided=11 {a:1}`, then `S+=c3` while one is being added, `asked=evict` while the catalog
 * owes an answer, and how many `wait`. A replica is `closed` until a primary of its epoch has opened it.
 */
export function shardWords(shard: Shard | undefined): string {
  if (shard === undefined) return 'no shard';
  const { rid, epoch, config, log, decidedLsn, primary, loading, opened } = shard;
  const entries: string[] = [];
  mapOf(shard, MAP).scan(undefined, ({ key, value }) => {
    entries.push(`${textOf(key)}:${textOf(value)}`);
    return true;
  });
  const replica = loading !== undefined ? 'loading' : opened === undefined ? 'closed' : 'replica';
  const words = [ridWord(rid), `e${epoch}`, `v${config.version}`, primary === undefined ? replica : 'primary'];
  words.push(`last=${log.lastLsn}`, `decided=${decidedLsn}`, `{${entries.sort().join(' ')}}`);
  if (primary?.plus !== undefined) words.push(`S+=${ridWord(primary.plus.rid)}`);
  if (primary?.pending !== undefined) words.push(`asked=${primary.pending.kind}`);
  const lockWaits = primary?.transactions.locks.waitCount ?? 0;
  const waiting = (primary?.waiting.length ?? 0) + (primary?.keys.waiterCount ?? 0) + lockWaits;
  if (waiting > 0) words.push(`wait=${waiting}`);
  const locks = primary?.transactions.locks.heldCount ?? 0;
  if (locks > 0) words.push(`locks=${locks}`);
  return words.join(' ');
}
