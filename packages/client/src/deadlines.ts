/**
 * Who is due when, in steps of a few milliseconds: adding, removing and looking cost the same however many wait.
 * Removed elements are let go of at once, so that an answered request does not live on until its deadline. The elements
 * of a step are a list through themselves: a Set for each step took a tenth of a call's time.
 */
const STEP_MS = 8;

export interface Due<T> {
  readonly dueMs: number;
  /** Where it is kept; all three are ours to set, undefined before. */
  dueStep: Step<T> | undefined;
  dueBefore: T | undefined;
  dueAfter: T | undefined;
}

/** The elements of one step, newest first. */
export interface Step<T> {
  readonly number: number;
  newest: T | undefined;
}

export class Deadlines<T extends Due<T>> {
  readonly #steps = new Map<number, Step<T>>();
  /** The last one looked through. */
  #lastStep = Number.NEGATIVE_INFINITY;
  /** That of the last addition: calls of one turn have the same. */
  #recent: Step<T> | undefined;

  add(element: T): void {
    // The first step at whose look the deadline has passed; never one that was looked through already.
    const number = Math.max(Math.ceil(element.dueMs / STEP_MS), this.#lastStep + 1);
    const step = this.#recent?.number === number ? this.#recent : this.#stepAt(number);
    element.dueStep = step;
    element.dueAfter = step.newest;
    if (step.newest !== undefined) step.newest.dueBefore = element;
    step.newest = element;
  }

  delete(element: T): void {
    const { dueStep, dueBefore, dueAfter } = element;
    if (dueStep === undefined) return;
    if (dueBefore === undefined) dueStep.newest = dueAfter;
    else dueBefore.dueAfter = dueAfter;
    if (dueAfter !== undefined) dueAfter.dueBefore = dueBefore;
    forget(element);
  }

  /** Removes and returns all that are due, the earliest step first; they may be one step late. */
  takeDue(nowMs: number): T[] {
    const lastStep = Math.floor(nowMs / STEP_MS);
    const due: T[] = [];
    for (const number of this.#passedSteps(lastStep)) {
      this.#take(number, due);
      this.#steps.delete(number);
      if (this.#recent?.number === number) this.#recent = undefined;
    }
    this.#lastStep = Math.max(this.#lastStep, lastStep);
    return due;
  }

  #take(number: number, due: T[]): void {
    const from = due.length;
    for (let element = this.#steps.get(number)?.newest; element !== undefined; ) {
      const next: T | undefined = element.dueAfter;
      forget(element);
      due.push(element);
      element = next;
    }
    if (due.length - from > 1) due.push(...due.splice(from).reverse());
  }

  #stepAt(number: number): Step<T> {
    let step = this.#steps.get(number);
    if (step === undefined) {
      step = { number, newest: undefined };
      this.#steps.set(number, step);
    }
    this.#recent = step;
    return step;
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

function forget<T extends Due<T>>(element: T): void {
  element.dueStep = undefined;
  element.dueBefore = undefined;
  element.dueAfter = undefined;
}
