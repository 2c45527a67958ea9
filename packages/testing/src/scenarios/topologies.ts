/** The grids that most scripts play on. */

/** A primary, one replica that every write needs, and a container to take its place. */
export const PAIR_AND_SPARE = { containers: 3, minSync: 1, maxSync: 1 } as const;
/** A primary and two replicas, one of which every write needs. */
export const TRIO = { containers: 3, minSync: 1, maxSync: 2 } as const;
/** A primary and three replicas, one of which every write needs. */
export const QUARTET = { containers: 4, minSync: 1, maxSync: 3 } as const;
