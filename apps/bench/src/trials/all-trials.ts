import { checkpoint } from './checkpoint.ts';
import { fairness } from './fairness.ts';
import { idleClients } from './idle-clients.ts';
import { manyEntries } from './many-entries.ts';
import { memory } from './memory.ts';
import { pauses } from './pauses.ts';
import type { Trial } from './trial.ts';

export const TRIALS: readonly Trial[] = [memory, idleClients, pauses, checkpoint, fairness, manyEntries];
