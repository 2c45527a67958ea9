/** What a shard needs of the container around it. Everything it sends, and all it knows of time and of others. */
import type { ErrorCode, ErrorDetails } from '../errors.ts';
import type { ConnectionId, Host, Incarnation, MapId, PartitionId } from '../ids.ts';
import type { Note } from '../machine.ts';
import type { AnswerMessage, ChangeInSync, EpochProbe, HandOver, LogRecord, ReplicationMessage } from '../messages.ts';
import type { PendingRequest } from './request.ts';
import type { Shard } from './shard.ts';

export interface ShardPorts {
  readonly self: Host;
  /** Monotonic time of this turn. */
  nowMs(): number;
  /** The same, with what the monotonic clock may have stood still: a held lease is judged by it. */
  leaseNowMs(): number;
  /** Wall time of this turn, milliseconds since 1970; it may be set at any time. */
  wallMs(): number;
  /** Echoed with every question for a lease: an answer of another one says nothing. */
  leaseGen(): number;
  /** Asks at the end of this turn whether the epoch holds. @returns the number of the probe. */
  askEpoch(shard: Shard): number;
  /** To a container, on the one connection that this one opened to it; false while there is none. */
  toFollower(incarnation: Incarnation, message: ReplicationMessage): boolean;
  /** To the catalog; false while not registered. */
  toCatalog(message: ChangeInSync | HandOver | EpochProbe): boolean;
  /** To a primary, on the connection by which it opened the shard. */
  toPrimary(connection: ConnectionId, message: ReplicationMessage): void;
  answer(request: PendingRequest, message: AnswerMessage): void;
  /** An error as an answer, with the newest route known. */
  answerError(request: PendingRequest, code: ErrorCode, details: ErrorDetails): void;
  isOpen(connection: ConnectionId): boolean;
  /** Until when the catalog's lease for this partition holds, by our clock (K3, L1a). */
  catalogLeaseUntilMs(partition: PartitionId): number;
  /** Whether the catalog calls this life of a container dead. */
  isDead(incarnation: Incarnation): boolean;
  leaseMs(): number;
  /** A new number for a ChangeInSync. */
  nextChangeId(): number;
  /** Each retained record's share of the container's limit. */
  retentionBytes(): number;
  /** Sent to one replica and not acknowledged, at most. */
  replicationWindowBytes(): number;
  /** Of a partition's checkpoint, sent and not taken in, at most; one chunk may go over. */
  checkpointWindowBytes(): number;
  /** Of checkpoints, what the turn may still send. */
  readonly checkpointTurn: { bytesLeft: number };
  /** Of records that wait for a replica outside of the in-sync set, at most. */
  followerQueueBytes(): number;
  /** As the policy names it. */
  mapName(map: MapId): string;
  note(event: string, facts: Note['facts'], level?: Note['level']): void;
  /** `by`: default 1. */
  count(counter: Counter, by?: number): void;
  /** Why this container cannot hold a record, or undefined: it then votes no (step 3 of 1.6). */
  refuses(record: LogRecord): ErrorCode | undefined;
  /** Whether the container has room for more of a client's entries, or for more of a checkpoint. */
  hasMemory(use: 'write' | 'checkpoint'): boolean;
  /** So much is taken, by estimate, until it is measured. */
  takeMemory(bytes: number): void;
  /** For checkers: what it does as primary at this very moment; `reads`: it has passed its lease check (L1). */
  acts(how: PrimaryAct, shard: Shard): void;
  /** A rule broken on purpose; only the simulator throws these switches. */
  mutated(rule: Mutation): boolean;
}

export type PrimaryAct = 'reads' | 'decides';

export type Counter =
  | 'votes_against'
  | 'checkpoints_started'
  | 'checkpoints_completed'
  | 'failovers'
  | 'replica_evictions'
  | 'replica_additions'
  | 'records_rolled_back'
  | 'digest_differences'
  | 'dirty_rounds'
  | 'entries_evicted'
  | 'refused_by_map'
  | 'refused_by_memory'
  | 'lock_waits'
  | 'lock_timeouts'
  | 'deadlocks'
  | 'transactions_abandoned';

export type Mutation =
  | 'expireByOwnClock'
  | 'judgeBeyondCeiling'
  | 'expireAnyVersion'
  | 'readBeforeRenewal'
  | 'dropEpochCheck'
  | 'evictNotConfirmed'
  | 'decideBelowMin'
  | 'noFreeze'
  | 'abortIgnoresEligible'
  | 'readWithoutLease'
  | 'noCompletionRecords'
  | 'resolveWithoutMarker'
  | 'handOverReadsOn'
  | 'noSuspendGuard'
  | 'oldEchoAccepted'
  | 'countFromReceipt'
  | 'noGrantWait'
  | 'addBeforeGrantsEnd'
  | 'oneGrantIsEnough'
  | 'ackAfterPromotion'
  | 'noStartWait'
  | 'rebuildUnanswered'
  | 'lossWithoutProof'
  | 'keepUndecidedTail'
  | 'readIndexAlone'
  | 'staleReplicaRead'
  | 'freshWithoutLease'
  | 'tokenIgnored'
  | 'skipOneApply'
  | 'noReadmissionWait'
  | 'dirtyLeavesRemoved'
  | 'nearSkipsChange'
  | 'nearFillsLate'
  | 'nearIgnoresGap'
  | 'nearIgnoresToken'
  | 'evictWithoutRecord'
  | 'evictUnlocked'
  | 'validateLate'
  | 'readsUnchecked'
  | 'rangesUnchecked'
  | 'freeLocksEarly'
  | 'lockIgnoresPending'
  | 'writesIgnoreLocks'
  | 'commitInAnyEpoch';
