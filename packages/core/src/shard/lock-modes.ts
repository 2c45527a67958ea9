/**
 * Modes of locks on keys and on whole maps, and which go together (Gray, Lorie, Putzolu and Traiger: Granularity of Locks
 * and Degrees of Consistency in a Shared Data Base, 1976; `U` as in Gray and Reuter: Transaction Processing, 7.8). A lock on
 * a key comes with an intention on its map, so that whoever reads or clears all of the map meets everybody's keys at one place.
 *
 *          IS   IX   S    SIX  U    X        IS, IX: reads, writes some of its keys
 *     IS   yes  yes  yes  yes  yes  no       S, X: of a key or of all of the map
 *     IX   yes  yes  no   no   no   no       SIX: reads all of it and writes some
 *     S    yes  no   yes  no   yes  no       U: of a key, to be raised to X: so two who read what
 *     SIX  yes  no   no   no   no   no          they will write do not wait for each other
 *     U    yes  no   yes  no   no   no
 *     X    no   no   no   no   no   no
 */
export type HeldMode = 'IS' | 'IX' | 'S' | 'SIX' | 'U' | 'X';

const TOGETHER: Readonly<Record<HeldMode, readonly HeldMode[]>> = {
  IS: ['IS', 'IX', 'S', 'SIX', 'U'],
  IX: ['IS', 'IX'],
  S: ['IS', 'S', 'U'],
  SIX: ['IS'],
  U: ['IS', 'S'],
  X: [],
};

/** What each includes, itself first. */
const INCLUDES: Readonly<Record<HeldMode, readonly HeldMode[]>> = {
  IS: ['IS'],
  IX: ['IX', 'IS'],
  S: ['S', 'IS'],
  SIX: ['SIX', 'S', 'IX', 'IS'],
  U: ['U', 'S', 'IS'],
  X: ['X', 'U', 'SIX', 'S', 'IX', 'IS'],
};

/** From the weakest on: the first that includes two modes is what they are together. */
const ALL: readonly HeldMode[] = ['IS', 'IX', 'S', 'U', 'SIX', 'X'];

export function goTogether(a: HeldMode, b: HeldMode): boolean {
  return TOGETHER[a].includes(b);
}

export function includes(held: HeldMode, wanted: HeldMode): boolean {
  return INCLUDES[held].includes(wanted);
}

/** The weakest that is both. */
export function joined(a: HeldMode, b: HeldMode): HeldMode {
  return ALL.find((mode) => includes(mode, a) && includes(mode, b)) ?? 'X';
}
