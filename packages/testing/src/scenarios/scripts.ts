/** All scripts, by theme. */
import { HAND_OVER } from './hand-over.ts';
import { LEASES } from './leases.ts';
import type { Script } from './script.ts';
import { STALE_COPY } from './stale-copy.ts';

export const SCRIPTS: readonly Script[] = [...HAND_OVER, ...LEASES, ...STALE_COPY];
