/**
 * Who is due when, in steps of a few milliseconds: adding, removing and looking cost the same however many wait.
 * Removed elements are let go of at once, so that an answered request does not live on until its deadline.
 */
const STEP_MS = 8;

export interface Due {
  readonly dueMs: number;
  /** Where it is kept; ours to set. */
  dueStep: number;
}

export class Deadlines<T extends Due> {
  readonly #steps = new Map<number, Set<T>>();
  /** The last one looked through. */
  #lastStep = Number.NEGATIVE_INFINITY;

  add(element: T): void {
    // The first step at whose look the deadline has passed; never one that was looked through already.
    element.dueStep = Math.max(Math.ceil(element.dueMs / STEP_MS), this.#lastStep + 1);
    const step = this.#steps.get(element.dueStep);
    if (step === undefined) this.#steps.set(element.dueStep, new Set([element]));
    else step.add(element);
  }

  delete(element: T): void {
    const step = this.#steps.get(element.dueStep);
    if (step?.delete(element) === true && step.size === 0) this.#steps.delete(element.dueStep);
  }

  /** Removes and returns all that are due, the earliest first; they may be one step late. */
  takeDue(nowMs: number): T[] {
    const lastStep = Math.floor(nowMs / STEP_MS);
    const due: T[] = [];
    for (const step of this.#passedSteps(lastStep)) {
      due.push(...(this.#steps.get(step) ?? []));
      this.#steps.delete(step);
    }
    this.#lastStep = Math.max(this.#lastStep, lastStep);
    return due;
  }

  /** Since the last look; after a long silence fewer are in use than have passed. */
  #passedSteps(lastStep: number): number[] {
    const passedCount = lastStep - this.#lastStep;
    if (passedCount <= this.#steps.size) {
      return Array.from({ length: Math.max(0, passedCount) }, (_, index) => this.#lastStep + 1 + index);
    }
    return [...this.#steps.keys()].filter((step) => step <= lastStep).sort((a, b) => a - b);
  }
}
