/**
 * Breadth first over all states of a space, so that the first violation found has a shortest trace. Kept of a state that was
 * expanded: its fingerprint (8 bytes) and from where it was reached (8); whole states only of two depths at a time. The trace
 * is told again from the actions.
 */
import { type Fingerprint, FingerprintSet } from './fingerprints.ts';
import { Origins, StateList } from './store.ts';

/** What every action shares: it copies the state before, changes the copy, and emits it with the number that names the action. */
export interface Move<Model> {
  readonly model: Model;
  /** The state that is expanded. Actions only read it. */
  before: Uint8Array;
  /** The one that an action makes of it; valid until the next one begins. */
  readonly after: Uint8Array;
  /** Which invariant the action in hand breaks. */
  violation: string | undefined;
  readonly emit: (move: Move<Model>, code: number) => void;
}

export function begin<Model>(move: Move<Model>): Uint8Array {
  move.after.set(move.before);
  move.violation = undefined;
  return move.after;
}

export function violate<Model>(move: Move<Model>, what: string): void {
  move.violation ??= what;
}

export interface Space<Model> {
  readonly model: Model;
  /** Of a state; a multiple of 4. */
  readonly bytes: number;
  readonly first: Uint8Array;
  /** Emits every successor of `move.before`, always in the same order. */
  readonly expand: (move: Move<Model>) => void;
  /** Clears what no action will read again. */
  readonly forget: (state: Uint8Array) => void;
  readonly fingerprint: (state: Uint8Array, into: Fingerprint) => void;
}

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

export interface SearchLimits {
  readonly statesMax?: number;
  /** Called for each state once, with a buffer that is used again. */
  readonly onState?: (state: Uint8Array) => void;
  readonly onDepth?: (report: DepthReport) => void;
}

export function searchSpace<Model>(space: Space<Model>, limits: SearchLimits = {}): SearchReport {
  return new Search(space, limits).go();
}

class Search<Model> {
  readonly #space: Space<Model>;
  readonly #limits: SearchLimits;
  readonly #seen = new FingerprintSet();
  readonly #origins = new Origins();
  readonly #fingerprint: Fingerprint = { high: 0, low: 0 };
  #frontier: StateList;
  #next: StateList;
  #parent = 0;
  #transitions = 0;
  #violation: Violation | undefined;

  constructor(space: Space<Model>, limits: SearchLimits) {
    this.#space = space;
    this.#limits = limits;
    this.#frontier = new StateList(space.bytes);
    this.#next = new StateList(space.bytes);
  }

  go(): SearchReport {
    const { model, bytes, first, expand } = this.#space;
    const statesMax = this.#limits.statesMax ?? Number.POSITIVE_INFINITY;
    const move: Move<Model> = {
      model,
      before: new Uint8Array(bytes),
      after: first.slice(),
      violation: undefined,
      emit: (_, code) => this.#visit(move, code),
    };
    this.#visit(move, 0);
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
        this.#frontier.read(index, move.before);
        expand(move);
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

  #visit(move: Move<Model>, code: number): void {
    if (this.#violation !== undefined) return;
    this.#transitions++;
    if (move.violation !== undefined) {
      this.#violation = { what: move.violation, path: [...this.#origins.pathTo(this.#parent), code] };
      return;
    }
    this.#space.forget(move.after);
    this.#space.fingerprint(move.after, this.#fingerprint);
    if (!this.#seen.add(this.#fingerprint)) return;
    this.#limits.onState?.(move.after);
    this.#next.push(move.after);
    this.#origins.push(this.#parent, code);
  }

  #report(depth: number): void {
    const frontier = this.#frontier.length;
    this.#limits.onDepth?.({ depth, frontier, states: this.#seen.size, transitions: this.#transitions });
  }
}

/** The state that action `code` makes of `before`; undefined: no such action is possible there. */
export function successorIn<Model>(
  { model, bytes, expand, forget }: Space<Model>,
  before: Uint8Array,
  code: number,
): Uint8Array | undefined {
  let found: Uint8Array | undefined;
  const move: Move<Model> = {
    ...{ model, before, after: new Uint8Array(bytes), violation: undefined },
    emit: (_, emitted) => {
      if (emitted !== code || found !== undefined) return;
      found = move.after.slice();
      if (move.violation === undefined) forget(found);
    },
  };
  expand(move);
  return found;
}
