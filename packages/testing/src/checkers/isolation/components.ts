/**
 * Strongly connected components (Tarjan, "Depth-first search and linear graph algorithms", 1972), without recursion:
 * a chain of a hundred thousand transactions is as deep. Whatever lies on a cycle lies in a component of two or more.
 */
import type { SettledGraph } from './graph.ts';

/** Components of at least two vertices, over edges of the kinds in `kinds` between vertices of `within`. */
export function components(graph: SettledGraph, kinds: number, within: Iterable<number>): Int32Array[] {
  return new Search(graph, kinds).run([...within]);
}

const OUTSIDE = -1;
const UNSEEN = 0;

class Search {
  private readonly found: Int32Array[] = [];
  /** When a vertex was first met, from 1. */
  private readonly order: Int32Array;
  /** The earliest vertex on the stack that it reaches. */
  private readonly low: Int32Array;
  private readonly isOnStack: Uint8Array;
  private readonly nextEdge: Int32Array;
  private readonly stack: number[] = [];
  private readonly path: number[] = [];
  private readonly graph: SettledGraph;
  private readonly kinds: number;
  private met = 0;

  constructor(graph: SettledGraph, kinds: number) {
    this.graph = graph;
    this.kinds = kinds;
    this.order = new Int32Array(graph.vertexCount).fill(OUTSIDE);
    this.low = new Int32Array(graph.vertexCount);
    this.isOnStack = new Uint8Array(graph.vertexCount);
    this.nextEdge = graph.firstEdge.slice(0, graph.vertexCount);
  }

  run(within: readonly number[]): Int32Array[] {
    for (const vertex of within) this.order[vertex] = UNSEEN;
    for (const root of within) {
      if (this.order[root] === UNSEEN) this.meet(root);
      for (let vertex = this.path.at(-1); vertex !== undefined; vertex = this.path.at(-1)) {
        const next = this.step(vertex);
        if (next === undefined) this.leave(vertex);
        else this.meet(next);
      }
    }
    return this.found;
  }

  private meet(vertex: number): void {
    this.met += 1;
    this.order[vertex] = this.met;
    this.low[vertex] = this.met;
    this.isOnStack[vertex] = 1;
    this.stack.push(vertex);
    this.path.push(vertex);
  }

  /** The next vertex to go down to; undefined: all edges are done. */
  private step(vertex: number): number | undefined {
    const { firstEdge, to, kind } = this.graph;
    const end = firstEdge[vertex + 1] ?? 0;
    for (let edge = this.nextEdge[vertex] ?? end; edge < end; edge++) {
      if (((kind[edge] ?? 0) & this.kinds) === 0) continue;
      const target = to[edge] ?? 0;
      if (this.order[target] === UNSEEN) {
        this.nextEdge[vertex] = edge + 1;
        return target;
      }
      if (this.isOnStack[target] === 1) this.lower(vertex, this.order[target] ?? 0);
    }
    this.nextEdge[vertex] = end;
    return undefined;
  }

  private lower(vertex: number, low: number): void {
    if (low < (this.low[vertex] ?? 0)) this.low[vertex] = low;
  }

  private leave(vertex: number): void {
    this.path.pop();
    const low = this.low[vertex] ?? 0;
    const parent = this.path.at(-1);
    if (parent !== undefined) this.lower(parent, low);
    if (low !== this.order[vertex]) return;
    const start = this.stack.lastIndexOf(vertex);
    for (let index = start; index < this.stack.length; index++) this.isOnStack[this.stack[index] ?? 0] = 0;
    const component = this.stack.splice(start);
    if (component.length > 1) this.found.push(Int32Array.from(component));
  }
}
