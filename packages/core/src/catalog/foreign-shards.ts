/**
 * Shards that the journal knows nothing of: an earlier catalog's, or of an end of the journal that was lost. They are
 * living data, so nothing is placed in their grids as long as a life that holds one may be going on. Silence does not
 * end a life: only a leave, proof of death, or the next life under its name.
 */
import type { ContainerName, Host, Incarnation } from '../ids.ts';

export class ForeignShards {
  private readonly grids = new Map<string, Map<Incarnation, ContainerName>>();

  /** Whether that is new. */
  note(grid: string, { container, incarnation }: Host): boolean {
    const lives = this.grids.get(grid) ?? new Map<Incarnation, ContainerName>();
    if (lives.has(incarnation)) return false;
    this.grids.set(grid, lives.set(incarnation, container));
    return true;
  }

  forget(incarnation: Incarnation): void {
    for (const [grid, lives] of this.grids) {
      lives.delete(incarnation);
      if (lives.size === 0) this.grids.delete(grid);
    }
  }

  has(incarnation: Incarnation): boolean {
    return [...this.grids.values()].some((lives) => lives.has(incarnation));
  }

  /** By grid and incarnation, the container's name. */
  byGrid(): ReadonlyMap<string, ReadonlyMap<Incarnation, ContainerName>> {
    return this.grids;
  }
}
