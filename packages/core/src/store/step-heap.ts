/** A binary heap of numbers: the smallest first. */
export class StepHeap {
  #steps: number[] = [];

  get size(): number {
    return this.#steps.length;
  }

  get first(): number | undefined {
    return this.#steps[0];
  }

  replaceBy(steps: Iterable<number>): void {
    this.#steps = [...steps].sort((a, b) => a - b);
  }

  push(step: number): void {
    const heap = this.#steps;
    let at = heap.length;
    heap.push(step);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = heap[parent] as number;
      if (above <= step) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = step;
  }

  pop(): void {
    const heap = this.#steps;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child++;
      if ((heap[child] as number) >= last) break;
      heap[at] = heap[child] as number;
      at = child;
    }
    heap[at] = last;
  }
}
