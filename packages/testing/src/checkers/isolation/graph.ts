import { must } from '@ostraca/core';

/** Why one transaction comes before another; bits, so that a set of kinds is a number. */
export const EDGE = {
  /** Both append to a key, one before the other. */
  ww: 1,
  /** One reads what the other appended. */
  wr: 2,
  /** One does not read yet what the other appended. */
  rw: 4,
  /** One process ran one after the other. */
  process: 8,
  /** One ended before the other began. */
  realtime: 16,
  /** From a joint on, where the step into it was an rw. */
  afterRw: 32,
} as const;

export type EdgeKind = (typeof EDGE)[keyof typeof EDGE];

export interface Edge {
  readonly from: number;
  readonly to: number;
  readonly kind: EdgeKind;
  /** Of dependencies: the key's place among the orders, and the append's among its installed ones. Else -1. */
  readonly key: number;
  readonly append: number;
}

/**
 * Vertices are transactions, by their place in the history, and **joints** after them: where every one of some
 * transactions comes before every one of others, a joint between takes a + b edges and not a × b.
 */
export class Graph {
  private readonly edges: Edge[] = [];
  private readonly transactionCount: number;
  private vertexTotal: number;

  constructor(transactionCount: number) {
    this.transactionCount = transactionCount;
    this.vertexTotal = transactionCount;
  }

  addJoint(): number {
    return this.vertexTotal++;
  }

  /** Nothing comes before itself: such an edge is left out. */
  add(from: number, to: number, reason: { kind: EdgeKind; key?: number; append?: number }): void {
    if (from === to) return;
    this.edges.push({ from, to, kind: reason.kind, key: reason.key ?? -1, append: reason.append ?? -1 });
  }

  settle(): SettledGraph {
    return new SettledGraph(this.edges, this.vertexTotal, this.transactionCount);
  }
}

/** Edges sorted by where they come from, in typed arrays: searches pass over them again and again. */
export class SettledGraph {
  /** Edges of vertex v: from `firstEdge[v]` up to, without, `firstEdge[v + 1]`. */
  readonly firstEdge: Int32Array;
  readonly to: Int32Array;
  readonly kind: Uint8Array;
  readonly vertexCount: number;
  private readonly transactionCount: number;
  private readonly sorted: Edge[];

  constructor(edges: readonly Edge[], vertexCount: number, transactionCount: number) {
    this.vertexCount = vertexCount;
    this.transactionCount = transactionCount;
    this.firstEdge = new Int32Array(vertexCount + 1);
    for (const { from } of edges) this.firstEdge[from + 1] = (this.firstEdge[from + 1] ?? 0) + 1;
    for (let vertex = 0; vertex < vertexCount; vertex++) {
      this.firstEdge[vertex + 1] = (this.firstEdge[vertex + 1] ?? 0) + (this.firstEdge[vertex] ?? 0);
    }
    const next = this.firstEdge.slice();
    this.to = new Int32Array(edges.length);
    this.kind = new Uint8Array(edges.length);
    this.sorted = new Array<Edge>(edges.length);
    for (const edge of edges) {
      const place = next[edge.from] ?? 0;
      next[edge.from] = place + 1;
      this.to[place] = edge.to;
      this.kind[place] = edge.kind;
      this.sorted[place] = edge;
    }
  }

  edge(index: number): Edge {
    return must(this.sorted[index], 'edge');
  }

  isJoint(vertex: number): boolean {
    return vertex >= this.transactionCount;
  }
}
