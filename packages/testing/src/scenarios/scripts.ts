/** All scripts, by theme. */
import { CATALOG } from './catalog.ts';
import { DEPOSED_PRIMARY } from './deposed-primary.ts';
import { EVICTION } from './eviction.ts';
import { EXPIRY } from './expiry.ts';
import { HAND_OVER } from './hand-over.ts';
import { LATE_MESSAGES } from './late-messages.ts';
import { LEASES } from './leases.ts';
import { LIVENESS } from './liveness.ts';
import { NEAR_CACHE } from './near-cache.ts';
import { REPLICA_LEFT_BEHIND } from './replica-left-behind.ts';
import { RETRIES } from './retries.ts';
import type { Script } from './script.ts';
import { STALE_COPY } from './stale-copy.ts';
import { TRANSACTIONS } from './transactions.ts';

export const SCRIPTS: readonly Script[] = [
  ...REPLICA_LEFT_BEHIND,
  ...STALE_COPY,
  ...DEPOSED_PRIMARY,
  ...LATE_MESSAGES,
  ...RETRIES,
  ...LEASES,
  ...HAND_OVER,
  ...CATALOG,
  ...EXPIRY,
  ...EVICTION,
  ...LIVENESS,
  ...NEAR_CACHE,
  ...TRANSACTIONS,
];
