/**
 * What a container holds, against its limit. The stores and logs of its shards are counted exactly, several times a
 * second; what came since is added by estimate. So the sum is never far behind, and who asks for more is stopped in time:
 *
 *     0 ───────────────────────────────── 85 % ──────── 90 % ─────── 95 % ────── limit
 *       everything                         clients'      checkpoints   replicas    never reached by entries
 *                                          puts stop     stand still   vote no
 *
 * In this order: who serves stops first, then what could be sent later, and last what others already rely on. What is
 * between 95 % and the limit is for what is not counted: frames, output, garbage of the JavaScript heap.
 */
import type { ErrorCode } from '../errors.ts';
import type { LogRecord } from '../messages.ts';
import { estimatedBytes, isPut } from '../shard/admission.ts';
import type { Shard } from '../shard/shard.ts';

export interface MemoryStatus {
  /** 0: none. */
  readonly limitBytes: number;
  readonly usedBytes: number;
  /** Of the stores: segments, with garbage and free ends, and index. */
  readonly storeBytes: number;
  readonly logBytes: number;
  /** Estimated: sessions, requests that wait, names of what changed for slow replicas, ends of entries. */
  readonly otherBytes: number;
}

const WRITE_SHARE = 0.85;
const CHECKPOINT_SHARE = 0.9;
const REPLICA_SHARE = 0.95;

/** Estimates, each rather too much. */
const SESSION_BYTES = 2_048;
const WAITING_BYTES = 1_024;
const END_BYTES = 24;

export class ContainerMemory {
  readonly #limitBytes: number;
  #storeBytes = 0;
  #logBytes = 0;
  #otherBytes = 0;
  /** Since they were measured. */
  #takenBytes = 0;

  constructor(limitBytes = Number.POSITIVE_INFINITY) {
    this.#limitBytes = limitBytes;
  }

  measure(shards: Iterable<Shard>): void {
    this.#storeBytes = 0;
    this.#logBytes = 0;
    this.#otherBytes = 0;
    this.#takenBytes = 0;
    for (const shard of shards) {
      for (const entries of shard.maps.values()) this.#storeBytes += entries.allocatedBytes;
      this.#logBytes += shard.log.bytes;
      this.#otherBytes += otherBytesOf(shard);
    }
  }

  hasRoom(use: 'write' | 'checkpoint'): boolean {
    return this.#usedBytes < this.#limitBytes * (use === 'write' ? WRITE_SHARE : CHECKPOINT_SHARE);
  }

  /** A record of another container's primary: why the vote is a no, and taken if it is a yes. Removals are never refused. */
  refuses(record: LogRecord): ErrorCode | undefined {
    const isFull = this.#usedBytes >= this.#limitBytes * REPLICA_SHARE;
    if (isFull && record.operations.some(isPut)) return 'overloaded';
    this.take(estimatedBytes(record.operations));
    return undefined;
  }

  /** By estimate, until the next time that all is measured. */
  take(bytes: number): void {
    this.#takenBytes += bytes;
  }

  status(): MemoryStatus {
    return {
      limitBytes: this.#limitBytes === Number.POSITIVE_INFINITY ? 0 : this.#limitBytes,
      usedBytes: this.#usedBytes,
      storeBytes: this.#storeBytes,
      logBytes: this.#logBytes,
      otherBytes: this.#otherBytes,
    };
  }

  get #usedBytes(): number {
    return this.#storeBytes + this.#logBytes + this.#otherBytes + this.#takenBytes;
  }
}

function otherBytesOf({ primary, sessions, expiry }: Shard): number {
  let bytes = sessions.clientCount * SESSION_BYTES + expiry.count * END_BYTES;
  if (primary === undefined) return bytes;
  bytes += (primary.waiting.length + primary.keys.waiterCount) * WAITING_BYTES;
  for (const { dirty } of primary.followers.values()) bytes += dirty?.bytes ?? 0;
  return bytes;
}
