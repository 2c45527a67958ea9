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

/** Of one map. */
interface KindMetrics {
  readonly counters: { readonly ok: OperationCounter; readonly failed: Map<ErrorCode, OperationCounter> };
  readonly duration: DurationHistogram;
}

export class MetricsRecorder {
  readonly #byMap: Map<string, KindMetrics>[] = [];
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
    entries_evicted: 0,
    refused_by_map: 0,
    refused_by_memory: 0,
    lock_waits: 0,
    lock_timeouts: 0,
    deadlocks: 0,
    transactions_abandoned: 0,
  };

  count(counter: Counter, by = 1): void {
    this.#counters[counter] += by;
  }

  answered({ message, receivedMs }: PendingRequest, outcome: 'ok' | ErrorCode, nowMs: number): void {
    if (message.type === 'verify') return;
    const { counters, duration } = this.#ofKind(message.map, kindOf(message));
    if (outcome === 'ok') counters.ok.count++;
    else {
      const failed = counters.failed.get(outcome);
      if (failed === undefined) counters.failed.set(outcome, { ...counters.ok, outcome, count: 1 });
      else failed.count++;
    }
    const tookMs = nowMs - receivedMs;
    let place = 0;
    while (place < DURATION_BOUNDS_MS.length && tookMs > (DURATION_BOUNDS_MS[place] as number)) place++;
    duration.counts[place] = (duration.counts[place] ?? 0) + 1;
    duration.sumMs += tookMs;
  }

  /** Two look-ups for each answer, and no text is put together for them. */
  #ofKind(map: MapId, kind: string): KindMetrics {
    let kinds = this.#byMap[map];
    if (kinds === undefined) {
      kinds = new Map();
      this.#byMap[map] = kinds;
    }
    let metrics = kinds.get(kind);
    if (metrics === undefined) {
      const counts = new Array<number>(DURATION_BOUNDS_MS.length + 1).fill(0);
      const ok = { map, kind, outcome: 'ok' as const, count: 0 };
      metrics = { counters: { ok, failed: new Map() }, duration: { map, kind, counts, sumMs: 0 } };
      kinds.set(kind, metrics);
    }
    return metrics;
  }

  read(): ContainerMetrics {
    const kinds = this.#byMap.flatMap((map) => [...map.values()]);
    const operations = kinds.flatMap(({ counters: { ok, failed } }) => [
      ...(ok.count > 0 ? [ok] : []),
      ...failed.values(),
    ]);
    return {
      operations,
      durations: kinds.map(({ duration }) => duration),
      counters: { ...this.#counters },
    };
  }
}

function kindOf(message: Exclude<PendingRequest['message'], { type: 'verify' }>): string {
  if (message.type === 'resolveOrAbort') return 'resolve';
  if (message.type !== 'write') return message.type;
  return message.operations.length > 1 ? 'batch' : (message.operations[0]?.kind ?? 'batch');
}
