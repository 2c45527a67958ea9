/**
 * A short cycle is one that a person can follow. Every cycle of a component passes one of its deciding edges, so for
 * each of these the shortest way back is searched breadth first; a joint is no step, since it is nobody's transaction.
 * A cycle goes back in time somewhere, so the edges that go back farthest are tried first: a lie about what was long ago
 * makes a component of all that has happened since.
 */
import { must } from '@ostraca/core';
import { EDGE, type Edge, type SettledGraph } from './graph.ts';

/** How many edges may be looked at for one component. Past it the shortest cycle so far has to do. */
const WORK_MAX = 3_000_000;
/** No cycle of transactions is shorter. */
const STEPS_MIN = 2;

export interface CycleTerms {
  /** Vertices of the component. */
  readonly component: Int32Array;
  /** The cycle begins with an edge of this kind. */
  readonly deciding: number;
  /** The way back takes edges of these. */
  readonly wayBack: number;
}

export class CycleSearch {
  /** The component in which a vertex lies, and the search that has met it: so nothing needs to be wiped. */
  private readonly componentOf: Int32Array;
  private readonly metIn: Int32Array;
  /** The edge by which a vertex was met. */
  private readonly cameBy: Int32Array;
  private readonly graph: SettledGraph;
  private readonly beganMs: Float64Array;
  private componentCount = 0;
  private searchCount = 0;
  private work = 0;

  /** `startsMs`: when each transaction began. */
  constructor(graph: SettledGraph, startsMs: readonly number[]) {
    this.graph = graph;
    this.beganMs = beginnings(graph, startsMs);
    this.componentOf = new Int32Array(graph.vertexCount);
    this.metIn = new Int32Array(graph.vertexCount);
    this.cameBy = new Int32Array(graph.vertexCount);
  }

  /** Undefined: there is none, or none was found in time. The first search is never cut short. */
  shortest({ component, deciding, wayBack }: CycleTerms): Edge[] | undefined {
    const { graph } = this;
    this.componentCount += 1;
    for (const vertex of component) this.componentOf[vertex] = this.componentCount;
    this.work = 0;
    let best: Edge[] | undefined;
    let bestSteps = Number.POSITIVE_INFINITY;
    for (const edge of this.decidingEdges(component, deciding)) {
      if (bestSteps <= STEPS_MIN || this.work > WORK_MAX) break;
      const path = this.path(edge, { wayBack, stepsMax: bestSteps - 1 });
      if (path === undefined) continue;
      best = [edge, ...path];
      bestSteps = best.filter(({ to }) => !graph.isJoint(to)).length;
    }
    return best;
  }

  private decidingEdges(component: Int32Array, deciding: number): Edge[] {
    const { graph } = this;
    const edges: Edge[] = [];
    for (const vertex of component) {
      const end = graph.firstEdge[vertex + 1] ?? 0;
      for (let index = graph.firstEdge[vertex] ?? end; index < end; index++) {
        const isDeciding = ((graph.kind[index] ?? 0) & deciding) !== 0;
        if (isDeciding && this.isInside(graph.to[index] ?? 0)) edges.push(graph.edge(index));
      }
    }
    const back = ({ from, to }: Edge): number => (this.beganMs[from] ?? 0) - (this.beganMs[to] ?? 0);
    return edges.sort((a, b) => back(b) - back(a));
  }

  private isInside(vertex: number): boolean {
    return this.componentOf[vertex] === this.componentCount;
  }

  /** From the end of `edge` back to its beginning, `edge` counted as the first step. */
  private path(edge: Edge, terms: { wayBack: number; stepsMax: number }): Edge[] | undefined {
    const { graph } = this;
    this.searchCount += 1;
    this.metIn[edge.to] = this.searchCount;
    this.cameBy[edge.to] = -1;
    let layer = [edge.to];
    for (let steps = graph.isJoint(edge.to) ? 0 : 1; layer.length > 0 && steps < terms.stepsMax; steps++) {
      const next: number[] = [];
      // Joints are added to the layer that is being passed through.
      for (const vertex of layer) {
        if (this.spread(vertex, { wayBack: terms.wayBack, layer, next, goal: edge.from })) return this.wayTo(edge);
      }
      layer = next;
    }
    return undefined;
  }

  private spread(vertex: number, to: { wayBack: number; layer: number[]; next: number[]; goal: number }): boolean {
    const { graph } = this;
    const end = graph.firstEdge[vertex + 1] ?? 0;
    for (let index = graph.firstEdge[vertex] ?? end; index < end; index++) {
      this.work += 1;
      const target = graph.to[index] ?? 0;
      if (((graph.kind[index] ?? 0) & to.wayBack) === 0 || !this.isInside(target)) continue;
      if (this.metIn[target] === this.searchCount) continue;
      this.metIn[target] = this.searchCount;
      this.cameBy[target] = index;
      if (target === to.goal) return true;
      (graph.isJoint(target) ? to.layer : to.next).push(target);
    }
    return false;
  }

  private wayTo(edge: Edge): Edge[] {
    const way: Edge[] = [];
    for (let vertex = edge.from; vertex !== edge.to; ) {
      const step = this.graph.edge(must(this.cameBy[vertex], 'a vertex that was met'));
      way.push(step);
      vertex = step.from;
    }
    return way.reverse();
  }
}

/** Of each vertex; of a joint the earliest that it leads to. */
function beginnings(graph: SettledGraph, startsMs: readonly number[]): Float64Array {
  const beganMs = new Float64Array(graph.vertexCount).fill(Number.POSITIVE_INFINITY);
  beganMs.set(startsMs);
  for (let joint = startsMs.length; joint < graph.vertexCount; joint++) {
    const end = graph.firstEdge[joint + 1] ?? 0;
    for (let index = graph.firstEdge[joint] ?? end; index < end; index++) {
      beganMs[joint] = Math.min(beganMs[joint] ?? 0, beganMs[graph.to[index] ?? 0] ?? 0);
    }
  }
  return beganMs;
}

/** Steps from transaction to transaction: those through joints are drawn together. */
export function withoutJoints(graph: SettledGraph, cycle: readonly Edge[]): Edge[] {
  const steps: Edge[] = [];
  let into: Edge | undefined;
  for (const edge of cycle) {
    if (graph.isJoint(edge.to)) {
      into ??= edge;
      continue;
    }
    // What was missed is known behind the joint only.
    steps.push(into === undefined ? edge : { ...edge, from: into.from, kind: into.kind });
    into = undefined;
  }
  return steps;
}

export function countOf(steps: readonly Edge[], kind: keyof typeof EDGE): number {
  return steps.filter((step) => step.kind === EDGE[kind]).length;
}
