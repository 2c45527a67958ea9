/**
 * Every limit of the system, in one place, with the relations between them asserted. Enforced at the edge: the
 * client before it sends, the decoder before it allocates, the container before it logs.
 */
import { assert } from './assert.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

export const LIMITS = {
  /** Encoded key. */
  keyBytesMax: 4 * KiB,
  /** Nesting of tuples in a key. */
  keyDepthMax: 8,
  /** Encoded value, with its codec byte. */
  valueBytesMax: MiB,
  /** One ws message. */
  frameBytesMax: 4 * MiB,
  /** Before the peer's hello was accepted. */
  helloBytesMax: 16 * KiB,
  helloTimeoutMs: 5_000,
  /** Messages in one frame. */
  frameMessagesMax: 65_536,
  /** Operations in one log record, and their bytes (keys and values). */
  recordOperationsMax: 1_000,
  recordBytesMax: MiB,
  /** Entries and bytes in one answer of a scan. */
  scanEntriesMax: 1_000,
  scanBytesMax: MiB,
  /** Keys in one read request. */
  readKeysMax: 1_000,
  /** Requests of one client outstanding in one partition. */
  outstandingPerPartitionMax: 1_024,
  /** What one transaction may have read and validates at its commit: keys and maps. */
  transactionReadsMax: 10_000,
  /** Locks of one partition, and open transactions of one client there. */
  locksMax: 100_000,
  openTransactionsMax: 1_024,
  /** A transaction with locks whose client is silent for so long is rolled back; a client speaks for it every third of that. */
  transactionIdleMs: 15_000,
  /** An entry's time to live: a hundred years. */
  ttlMsMax: 36_525 * 86_400_000,
  operationTimeoutMsMax: 60_000,
  /** Output waiting for one peer: past the soft limit we stop reading it, past the hard limit we hang up. */
  outputSoftBytes: 8 * MiB,
  outputHardBytes: 64 * MiB,
  /** A client that has not written to a partition for so long is forgotten there; clients retry for a tenth of it. */
  sessionIdleMs: 10 * 60_000,
  /** Requests that wait in one container (for a lease, for a pending write, for an inherited one). */
  waitingRequestsMax: 65_536,
  /** Records that a container keeps beyond need, over all its partitions. */
  logRetentionBytes: 64 * MiB,
  /** Sent to one replica of one partition and not yet acknowledged. */
  replicationWindowBytes: 4 * MiB,
  /** At lsns that this divides, replicas compare the digests of their states. The same in all containers. */
  digestEveryLsns: 1_000,
  /** Of records that wait for a replica outside of the in-sync set: over it, only the names of what changes are kept. */
  followerQueueBytes: 32 * MiB,
  /** Of these names, for one replica. */
  dirtyBytesMax: 16 * MiB,
  /** Of keys that changed, in one message to a near cache: more of them are all keys. */
  nearChangesBytes: 256 * KiB,
  /** Told to one near cache of one map and partition, and not acknowledged: it is told nothing more. */
  nearUnackedBytes: 512 * KiB,
  /** Of checkpoints, sent and not taken in, over all partitions of a container, and in one turn; a chunk each may go over. */
  checkpointWindowBytes: 4 * MiB,
  checkpointTurnBytes: 256 * KiB,
  checkpointChunkBytes: 64 * KiB,
  partitionsMax: 4_096,
  nameCharsMax: 128,
  connectionsMax: 10_000,
} as const;

assert(
  LIMITS.valueBytesMax + LIMITS.keyBytesMax + 4 * KiB <= LIMITS.frameBytesMax,
  'one entry of the largest size fits into a frame with its message',
);
assert(
  2 * LIMITS.recordBytesMax + LIMITS.keyBytesMax < LIMITS.frameBytesMax,
  'a record fits into a frame, also when its last entry went over recordBytesMax',
);
assert(
  LIMITS.sessionIdleMs >= 2 * LIMITS.operationTimeoutMsMax,
  'no client still retries a request when its session ends',
);
assert(2 * LIMITS.nearChangesBytes < LIMITS.frameBytesMax, 'what changed fits into a frame');
assert(LIMITS.scanBytesMax + LIMITS.valueBytesMax < LIMITS.frameBytesMax, 'an answer of a scan fits into a frame');
