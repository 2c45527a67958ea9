/** What a run is asked for, and what it tells. */
import type { Mutation } from '@ostraca/core';
import type { Violation } from '../checkers/history.ts';
import type { CoverageCounts } from './coverage.ts';
import type { Decisions } from './decisions.ts';
import type { FaultKind } from './scenario.ts';
import type { TraceEvent } from './trace.ts';

export interface RunOptions {
  readonly seed: number;
  /** What decides instead of the seed. */
  readonly decisions?: Decisions;
  readonly mutations?: ReadonlySet<Mutation>;
  /** On top of those that the seed has chosen. */
  readonly extraFaults?: readonly FaultKind[];
  readonly tailLines?: number;
  readonly print?: (line: string) => void;
  /** Whether the report tells what the run came to. */
  readonly coverage?: boolean;
  /** Of an event of the tail; undefined: it tells nothing. */
  readonly describe?: (event: TraceEvent) => string | undefined;
}

export interface RunReport {
  readonly seed: number;
  readonly scenario: string;
  readonly violations: readonly Violation[];
  readonly traceHash: string;
  readonly tail: readonly string[];
  readonly virtualMs: number;
  readonly eventCount: number;
  readonly commitCount: number;
  readonly operationCount: number;
  readonly unknownCount: number;
  /** Of transactions: how many ended so. */
  readonly transactions: { readonly committed: number; readonly rolledBack: number; readonly unknown: number };
  readonly keyCount: number;
  readonly searchedCount: number;
  readonly decidedCount: number;
  readonly configurationCount: number;
  readonly lostPartitionCount: number;
  /** From the end of the faults until every partition took a write; undefined: never. */
  readonly recoveryMs: number | undefined;
  readonly faults: Readonly<Record<string, number>>;
  /** How often machines noted what, by event name: what the runs have reached. */
  readonly notes: Readonly<Record<string, number>>;
  /** By cell of the coverage table; undefined: not asked for. */
  readonly coverage: CoverageCounts | undefined;
  /** With these the run comes again. */
  readonly decisions: Decisions;
  /** Of the chaos, before a violation ended it. */
  readonly chaosRanMs: number;
}
