/** A read through the near cache of a client: what it keeps, or else what its primary says, which it then keeps. */
import type { ClientAnswer, ClientMachine, NearCacheSettings } from '@ostraca/client';
import { GridError, type Key, type MapId, type PartitionId } from '@ostraca/core';
import type { Observation } from '../checkers/history.ts';
import { observationOf } from './wire-forms.ts';

export interface NearKey {
  /** The map's name. */
  readonly name: string;
  readonly map: MapId;
  readonly partition: PartitionId;
  readonly key: Key;
  readonly bytes: Uint8Array;
}

export interface NearRead {
  readonly settings: NearCacheSettings;
  readonly at: NearKey;
  readonly timeoutMs: number;
  readonly nowMs: number;
}

/** Undefined: the primary says it, to `done`. In a turn of the client's process. */
export function readNear(
  machine: ClientMachine,
  { settings, at, timeoutMs, nowMs }: NearRead,
  done: (result: ClientAnswer | GridError) => void,
): Observation | undefined {
  const cache = machine.near.of(at.name, settings);
  if (cache === undefined) throw new Error(`${at.name} is kept near with other settings`);
  const hit = cache.lookup(at.key, nowMs);
  if (hit !== undefined) return observationOf({ ...hit, value: hit.content as Uint8Array });
  const fill = cache.begin(at.key, at, nowMs);
  const body = { kind: 'read', keys: [at.bytes], withoutValues: false } as const;
  const onDone = (result: ClientAnswer | GridError): void => {
    const entry = result instanceof GridError || result.type !== 'readAnswer' ? undefined : result.entries[0];
    if (fill !== undefined && entry !== undefined && !(result instanceof GridError) && result.type === 'readAnswer') {
      const content = entry.value.slice();
      cache.end(fill, { entry, lsn: result.lsn, content, contentBytes: content.length });
    } else if (fill !== undefined) cache.end(fill, undefined);
    done(result);
  };
  machine.submit({ partition: at.partition, map: at.map, body, timeoutMs }, onDone, nowMs);
  return undefined;
}
