import { createRequire } from 'node:module';
import type * as Hdr from 'hdr-histogram-js';

// The package's declarations promise named exports, which its entry for Node.js does not show to an import.
const hdr = createRequire(import.meta.url)('hdr-histogram-js') as typeof Hdr;

/** Of nanoseconds, to three digits, up to a minute. */
export function newHistogram(): Hdr.Histogram {
  return hdr.build({
    lowestDiscernibleValue: 100,
    highestTrackableValue: 60_000_000_000,
    numberOfSignificantValueDigits: 3,
  });
}
