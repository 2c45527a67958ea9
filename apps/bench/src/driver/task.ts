/** What a client process is told to do, and what it says at the end. Both travel as JSON over the channel to it. */

/** How the keys are drawn; zipfian by the exponent 0.99 of YCSB. */
export type Distribution = 'uniform' | 'zipfian';

/** What one call of the closed loop is. A bulk call is of `BULK_KEYS` keys. */
export type Work = 'load' | 'idle' | 'get' | 'set' | 'get-all' | 'set-all' | 'transaction' | YcsbWork;
export type YcsbWork = 'ycsb-a' | 'ycsb-b' | 'ycsb-c' | 'ycsb-d' | 'ycsb-e' | 'ycsb-f';

/** `each`: WAIT 1 after each set; `group`: all calls in flight are one group of sets with one WAIT. */
export type Wait = 'none' | 'each' | 'group';

export type Endpoint =
  | { readonly kind: 'floor'; readonly url: string }
  | { readonly kind: 'ostraca'; readonly url: string; readonly grid: string; readonly map: string }
  | { readonly kind: 'resp'; readonly url: string; readonly library: 'ioredis' | 'iovalkey'; readonly wait: Wait };

export const BULK_KEYS = 100;
export const MAP_NAME = 'bench';
/** With lockStrategy PESSIMISTIC. */
export const LOCKED_MAP_NAME = 'bench-locked';

export interface Task {
  readonly endpoint: Endpoint;
  readonly work: Work;
  readonly inFlight: number;
  /** For `load`: those from `firstKey` on. */
  readonly keys: number;
  readonly firstKey?: number;
  /** Connections of their own. Default 1. */
  readonly clients?: number;
  /** Beside the closed loop. Default 0. */
  readonly writesPerSecond?: number;
  /** For `idle`: what each client uses once. */
  readonly maps?: readonly string[];
  readonly valueBytes: number;
  readonly distribution: Distribution;
  /** Of the map: a transaction stays in one. Default 1. */
  readonly partitions?: number;
  readonly seed: number;
  readonly warmUpSeconds: number;
  /** At most: a second message to the client process ends it before. */
  readonly seconds: number;
  /** Processes of the servers, by their part; empty: not on this machine. */
  readonly servers: Readonly<Record<string, number>>;
  /** Where the client's own profile goes; undefined: none. */
  readonly profileFile?: string;
}

export interface LatencyMicros {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Of a process, over the measured time. */
export interface Usage {
  readonly cpuMicrosPerOperation: number;
  /** At the end. */
  readonly residentBytes: number;
}

export interface Measurement {
  readonly operations: number;
  readonly seconds: number;
  /** Keys per second for the bulk calls. */
  readonly operationsPerSecond: number;
  readonly latency: LatencyMicros;
  /** The client's, and by part those of the servers. */
  readonly usage: Readonly<Record<string, Usage>>;
}

export type DriverMessage =
  | { readonly type: 'measuring' }
  | { readonly type: 'done'; readonly measurement: Measurement }
  | { readonly type: 'failed'; readonly reason: string };
