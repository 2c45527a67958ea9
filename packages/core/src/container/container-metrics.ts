/** Counters of a container since its start; the process around it makes metrics of them. */
import type { ErrorCode } from '../errors.ts';
import type { MapId } from '../ids.ts';
import type { Counter } from '../shard/ports.ts';
import type { PendingRequest } from '../shard/request.ts';

/** Upper bounds of the duration histogram, in milliseconds; a last one without bound follows. */
export const DURATION_BOUNDS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000] as const;

export interface OperationCounter {
  readonly map: MapId;
  readonly kind: string;
  /** `ok`, or the code of the error. */
  readonly outcome: 'ok' | ErrorCode;
  count: number;
}

export interface DurationHistogram {
  readonly map: MapId;
  readonly kind: string;
  /** One for each bound, not cumulative, and one for what is over. */
  readonly counts: number[];
  sumMs: number;
}

export interface ContainerMetrics {
  readonly operations: readonly OperationCounter[];
  readonly durations: readonly DurationHistogram[];
  readonly counters: Readonly<Record<Counter, number>>;
}

export class MetricsRecorder {
  readonly #operations = new Map<string, OperationCounter>();
  readonly #durations = new Map<string, DurationHistogram>();
  readonly #counters: Record<Counter, number> = {
    votes_against: 0,
    checkpoints_started: 0,
    checkpoints_completed: 0,
    failovers: 0,
    replica_evictions: 0,
    replica_additions: 0,
    records_rolled_back: 0,
    digest_differences: 0,
    dirty_rounds: 0,
  };

  count(counter: Counter): void {
    this.#counters[counter]++;
  }

  answered(request: PendingRequest, outcome: 'ok' | ErrorCode, nowMs: number): void {
    const { message } = request;
    if (message.type === 'verify') return;
    const kind = kindOf(message);
    const key = `${message.map}/${kind}`;
    const operationKey = `${key}/${outcome}`;
    let operation = this.#operations.get(operationKey);
    if (operation === undefined) {
      operation = { map: message.map, kind, outcome, count: 0 };
      this.#operations.set(operationKey, operation);
    }
    operation.count++;
    let duration = this.#durations.get(key);
    if (duration === undefined) {
      duration = { map: message.map, kind, counts: new Array(DURATION_BOUNDS_MS.length + 1).fill(0), sumMs: 0 };
      this.#durations.set(key, duration);
    }
    const tookMs = nowMs - request.receivedMs;
    let place = 0;
    while (place < DURATION_BOUNDS_MS.length && tookMs > (DURATION_BOUNDS_MS[place] as number)) place++;
    duration.counts[place] = (duration.counts[place] ?? 0) + 1;
    duration.sumMs += tookMs;
  }

  read(): ContainerMetrics {
    return {
      operations: [...this.#operations.values()],
      durations: [...this.#durations.values()],
      counters: { ...this.#counters },
    };
  }
}

function kindOf(message: Exclude<PendingRequest['message'], { type: 'verify' }>): string {
  if (message.type === 'resolveOrAbort') return 'resolve';
  if (message.type !== 'write') return message.type;
  return message.operations.length > 1 ? 'batch' : (message.operations[0]?.kind ?? 'batch');
}
