/**
 * Breadth first over all states, so that the first violation found has a shortest trace. Kept of a state that was expanded:
 * its fingerprint (8 bytes) and from where it was reached (8); whole states only of two depths at a time. The trace is told
 * again from the actions.
 */
import { Folding, forget } from './canonical.ts';
import { expand } from './expand.ts';
import { type Fingerprint, FingerprintSet } from './fingerprints.ts';
import type { Model } from './rules.ts';
import { firstState } from './state.ts';
import type { Step } from './step.ts';
import { Origins, StateList } from './store.ts';

export interface Violation {
  readonly what: string;
  /** Action numbers from the first state on; the last one breaks the invariant. */
  readonly path: readonly number[];
}

export interface DepthReport {
  readonly depth: number;
  /** States first reached at this depth. */
  readonly frontier: number;
  readonly states: number;
  readonly transitions: number;
}

export interface SearchReport {
  readonly states: number;
  readonly transitions: number;
  /** Steps to the farthest state. */
  readonly depth: number;
  readonly frontierMax: number;
  readonly memoryBytes: number;
  readonly violation: Violation | undefined;
  /** False if it stopped at a violation or at `statesMax`. */
  readonly isComplete: boolean;
}

export interface SearchOptions {
  readonly statesMax?: number;
  /** Default true. Without it each renaming of a state is a state: for tests of the folding. */
  readonly foldsReplicas?: boolean;
  /** Called for each state once, with a buffer that is used again. */
  readonly onState?: (state: Uint8Array) => void;
  readonly onDepth?: (report: DepthReport) => void;
}

export function search(model: Model, options: SearchOptions = {}): SearchReport {
  const run = new Search(model, options);
  return run.go();
}

class Search {
  readonly #model: Model;
  readonly #options: SearchOptions;
  readonly #folding: Folding;
  readonly #seen = new FingerprintSet();
  readonly #origins = new Origins();
  readonly #fingerprint: Fingerprint = { high: 0, low: 0 };
  #frontier: StateList;
  #next: StateList;
  #parent = 0;
  #transitions = 0;
  #violation: Violation | undefined;

  constructor(model: Model, options: SearchOptions) {
    this.#model = model;
    this.#options = options;
    this.#folding = new Folding(model.layout);
    this.#frontier = new StateList(model.layout.bytes);
    this.#next = new StateList(model.layout.bytes);
  }

  go(): SearchReport {
    const { layout } = this.#model;
    const statesMax = this.#options.statesMax ?? Number.POSITIVE_INFINITY;
    const step: Step = {
      model: this.#model,
      before: new Uint8Array(layout.bytes),
      after: firstState(layout),
      violation: undefined,
      emit: (_, code) => this.#visit(step, code),
    };
    this.#visit(step, 0);
    let depth = -1;
    let frontierMax = 0;
    while (this.#next.length > 0 && this.#violation === undefined && this.#seen.size < statesMax) {
      depth++;
      const finished = this.#frontier;
      this.#frontier = this.#next;
      this.#next = finished;
      this.#next.clear();
      frontierMax = Math.max(frontierMax, this.#frontier.length);
      this.#report(depth);
      const base = this.#origins.length - this.#frontier.length;
      for (let index = 0; index < this.#frontier.length && this.#violation === undefined; index++) {
        this.#parent = base + index;
        this.#frontier.read(index, step.before);
        expand(step);
      }
    }
    return {
      states: this.#seen.size,
      transitions: this.#transitions,
      depth,
      frontierMax,
      memoryBytes: this.#seen.bytes + this.#origins.bytes + this.#frontier.bytes + this.#next.bytes,
      violation: this.#violation,
      isComplete: this.#violation === undefined && this.#next.length === 0,
    };
  }

  #visit(step: Step, code: number): void {
    if (this.#violation !== undefined) return;
    this.#transitions++;
    if (step.violation !== undefined) {
      this.#violation = { what: step.violation, path: [...this.#origins.pathTo(this.#parent), code] };
      return;
    }
    forget(this.#model, step.after);
    if (this.#options.foldsReplicas === false) this.#folding.plain(step.after, this.#fingerprint);
    else this.#folding.folded(step.after, this.#fingerprint);
    if (!this.#seen.add(this.#fingerprint)) return;
    this.#options.onState?.(step.after);
    this.#next.push(step.after);
    this.#origins.push(this.#parent, code);
  }

  #report(depth: number): void {
    const frontier = this.#frontier.length;
    this.#options.onDepth?.({ depth, frontier, states: this.#seen.size, transitions: this.#transitions });
  }
}
