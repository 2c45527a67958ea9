/** A transaction of a script's client, in its true messages: what it has read goes with its commit. */

import type { ClientAnswer, RequestBody } from '@ostraca/client';
import {
  asMapId,
  encodeKey,
  GridError,
  type LockMode,
  type MapId,
  NewOperation,
  NO_BYTES,
  type Operation,
  type RangeCheck,
  type ReadCheck,
} from '@ostraca/core';
import { observationOf } from '../simulator/wire-forms.ts';
import type { Call } from './stage-client.ts';

export interface TransactionHost {
  /** A call that is no operation of the history: the script itself says what is to come of it. */
  readonly ask: (
    call: Pick<Call, 'key' | 'action'>,
    request: { readonly map: MapId; readonly body: RequestBody },
    done: (answer: ClientAnswer | GridError, sentEpoch: number) => Call['result'],
  ) => Call;
  /** All that a commit writes is in the history, once its outcome is known. */
  readonly wrote: (commit: Call, key: string, value: string) => void;
  readonly mapOf: (key: string) => MapId;
  readonly begin: () => number;
}

const WAIT_MS = 10_000;
const bytesOf = (value: string): Uint8Array => new TextEncoder().encode(value);

export class StageTransaction {
  readonly #host: TransactionHost;
  readonly #reads: ReadCheck[] = [];
  readonly #ranges: RangeCheck[] = [];
  readonly #writes: { readonly map: MapId; readonly key: string; readonly value: string }[] = [];
  #number = 0;
  #beganEpoch = 0;

  constructor(host: TransactionHost) {
    this.#host = host;
  }

  get(key: string): Call {
    return this.#read(key, { kind: 'read', keys: [encodeKey(key)], withoutValues: false });
  }

  lock(key: string, mode: LockMode): Call {
    return this.#read(key, this.#lockBody([encodeKey(key)], mode));
  }

  /** Of the map that this key would lie in. */
  scan(key: string): Call {
    const map = this.#host.mapOf(key);
    const page = { resumed: false, afterHash: 0, limit: 1_000, prefix: NO_BYTES, withoutValues: false };
    return this.#host.ask(
      { key, action: { kind: 'get' } },
      { map, body: { kind: 'scan', ...page } },
      (answer, epoch) => {
        if (answer instanceof GridError || answer.type !== 'scanAnswer') return refusalOf(answer);
        this.#beganEpoch ||= epoch;
        this.#ranges.push({ map, lsn: answer.lsn, clockMs: answer.clockMs });
        return { kind: 'observed', seen: { kind: 'absent' } };
      },
    );
  }

  set(key: string, value: string): void {
    this.#writes.push({ map: this.#host.mapOf(key), key, value });
  }

  commit(): Call {
    const maps = [...this.#writes, ...this.#reads, ...this.#ranges].map(({ map }) => map);
    const map = asMapId(Math.min(...maps));
    const body: RequestBody = {
      ...{ kind: 'commit', transaction: this.#number, beganEpoch: this.#beganEpoch, waitMs: WAIT_MS },
      ...{ reads: this.#reads, ranges: this.#ranges },
      operations: this.#writes.map((write) => putOf(write, map)),
    };
    const [key = 'nothing'] = this.#writes.map((write) => write.key);
    const call = this.#host.ask({ key, action: { kind: 'get' } }, { map, body }, (answer) => {
      const isRefused = answer instanceof GridError || answer.type !== 'writeAnswer';
      call.result = isRefused
        ? refusalOf(answer)
        : { kind: 'applied', version: { epoch: answer.epoch, lsn: answer.lsn } };
      for (const { key: written, value } of this.#writes) this.#host.wrote(call, written, value);
      return call.result;
    });
    return call;
  }

  #lockBody(keys: readonly Uint8Array[], mode: LockMode): RequestBody {
    if (this.#number === 0) this.#number = this.#host.begin();
    return { kind: 'lock', transaction: this.#number, mode, keys, withoutValues: false, waitMs: WAIT_MS };
  }

  #read(key: string, body: RequestBody): Call {
    const map = this.#host.mapOf(key);
    return this.#host.ask({ key, action: { kind: 'get' } }, { map, body }, (answer, epoch) => {
      const entry = answer instanceof GridError || answer.type !== 'readAnswer' ? undefined : answer.entries[0];
      if (entry === undefined) return refusalOf(answer);
      this.#beganEpoch ||= epoch;
      this.#reads.push({ map, key: encodeKey(key), epoch: entry.epoch, lsn: entry.lsn });
      return { kind: 'observed', seen: observationOf(entry) };
    });
  }
}

function refusalOf(answer: GridError | { readonly type: string }): Call['result'] {
  if (!(answer instanceof GridError)) return { kind: 'not_applied', code: answer.type };
  const { code, outcome } = answer;
  return outcome === 'unknown' ? { kind: 'unknown', code } : { kind: 'not_applied', code };
}

function putOf({ map, key, value }: { map: MapId; key: string; value: string }, lowest: MapId): Operation {
  const lifetime = { ttlMs: 0, expireAtMs: 0, ifEpoch: 0, ifLsn: 0 };
  return new NewOperation({
    kind: 'set',
    key: encodeKey(key),
    value: bytesOf(value),
    ...lifetime,
    mapOffset: map - lowest,
  });
}
