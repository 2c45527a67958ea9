/** A near cache as one view of its map sees it: with the codec of its values, and so that no caller can change what is kept. */
import type { Key, Lsn, ReadAnswer, ReadEntry } from '@ostraca/core';
import type { ClientHost } from '../calls.ts';
import { checkCount, checkOptions, invalid } from '../check-options.ts';
import type { ReadOptions } from '../read-modes.ts';
import { copyOf } from '../slab.ts';
import type { Values } from '../values.ts';
import type { Fill, MapPart, NearCache, NearEntry } from './near-cache.ts';

export interface NearCacheOptions {
  /** Of keys and values that this client keeps of the map, with about 240 bytes for each. Default 16 MiB. */
  readonly maxBytes?: number | undefined;
  /** How old what a read finds may be, in milliseconds. Default 1_000, at least 20. */
  readonly maxStale?: number | undefined;
}

type ResultOf<Result> = (answer: ReadAnswer) => Result;

interface FillOptions<Result> {
  readonly part: MapPart;
  /** Sends the read; what comes of its answer is `kept`. */
  readonly start: (kept: ResultOf<Result>) => Promise<Result>;
  readonly resultOf: ResultOf<Result>;
}

const MAX_STALE_MS_MIN = 20;

export interface NearReadsOptions<V> {
  readonly host: ClientHost;
  readonly map: string;
  readonly values: Values<V>;
}

/** @throws {@link GridError} `invalid_argument`: an unknown option, or the client has another near cache of this map. */
export function newNearReads<V>(given: NearCacheOptions, options: NearReadsOptions<V>): NearReads<V> {
  if (typeof given !== 'object' || given === null) throw invalid('nearCache', 'must be an object');
  checkOptions(given, { known: ['maxBytes', 'maxStale'] });
  const maxBytes = checkCount('maxBytes', given.maxBytes ?? 16 * 1024 * 1024);
  const maxStaleMs = checkCount('maxStale', given.maxStale ?? 1_000);
  if (maxStaleMs < MAX_STALE_MS_MIN) throw invalid('maxStale', `must be at least ${MAX_STALE_MS_MIN} milliseconds`);
  const cache = options.host.machine.near.of(options.map, { maxBytes, maxStaleMs });
  if (cache === undefined) throw invalid('nearCache', 'this client keeps the map near with other options already');
  return new NearReads(cache, options);
}

export class NearReads<V> {
  readonly #cache: NearCache;
  readonly #host: ClientHost;
  readonly #values: Values<V>;

  constructor(cache: NearCache, { host, values }: NearReadsOptions<V>) {
    this.#cache = cache;
    this.#host = host;
    this.#values = values;
  }

  /** Undefined: the primary is to be asked. */
  find(key: Key, options: ReadOptions | undefined): NearEntry | undefined {
    if (!isForNear(options)) return undefined;
    try {
      return this.#cache.lookup(key, this.#host.nowMs());
    } catch {
      // It is no key; who asks the primary is told so.
      return undefined;
    }
  }

  /** The caller's own: what is no plain value is decoded for each. */
  valueOf({ found, content }: NearEntry): V | undefined {
    if (!found) return undefined;
    // A codec of one's own may hand out what it was given, so it gets a copy.
    return content instanceof Uint8Array ? this.#values.decode(copyOf(content)) : (content as V);
  }

  begin(key: Key, part: MapPart): Fill | undefined {
    return this.#host.turn((nowMs) => this.#cache.begin(key, part, nowMs));
  }

  /** The read of one key that `find` did not find. @throws what `start` throws. */
  fill<Result>(key: Key, { part, start, resultOf }: FillOptions<Result>): Promise<Result> {
    let fill = this.begin(key, part);
    const over = (entry?: ReadEntry, lsn?: Lsn): void => {
      const ended = fill;
      fill = undefined;
      this.end(ended, entry, lsn);
    };
    try {
      const reading = start((answer) => {
        over(answer.entries[0], answer.lsn);
        return resultOf(answer);
      });
      return reading.catch((error: unknown) => {
        over();
        throw error;
      });
    } catch (error) {
      over();
      throw error;
    }
  }

  /** `entry` undefined: the read failed. */
  end(fill: Fill | undefined, entry?: ReadEntry, lsn = 0): void {
    if (fill === undefined) return;
    const kept = entry === undefined ? undefined : this.#contentOf(entry);
    this.#cache.end(fill, entry === undefined || kept === undefined ? undefined : { entry, lsn, ...kept });
  }

  /** Undefined: it does not decode, which whoever reads it is told. */
  #contentOf({ found, value }: ReadEntry): { content: unknown; contentBytes: number } | undefined {
    if (!found) return { content: undefined, contentBytes: 0 };
    // Views of one map may differ in their codec of their own, so its values are decoded by each.
    const isCommon = (value[0] ?? 0) < CUSTOM_CODEC_MIN;
    try {
      const plain = isCommon ? this.#values.decode(value) : NOT_PLAIN;
      if (typeof plain === 'string') return { content: plain, contentBytes: plain.length };
      if (typeof plain !== 'object') return { content: plain, contentBytes: 8 };
    } catch {
      return undefined;
    }
    return { content: copyOf(value), contentBytes: value.length + ARRAY_BYTES };
  }
}

const CUSTOM_CODEC_MIN = 128;
const NOT_PLAIN = {};
/** Of a Uint8Array beside its bytes: measured, as ENTRY_BYTES was, 85 to 90. */
const ARRAY_BYTES = 100;

/** Whether a read goes by the map's own mode. One with a signal goes its way: it may be aborted already. */
export function isForNear(options: ReadOptions | undefined): boolean {
  return options === undefined || (options.read === undefined && options.signal === undefined);
}
