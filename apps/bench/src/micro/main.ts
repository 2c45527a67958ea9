/** `npm run bench:micro [name]`: what single steps cost, in nanoseconds. A name picks groups that contain it. */
import { group, run } from 'mitata';
import { codecBenchmarks } from './codec.ts';
import { keyBenchmarks } from './keys.ts';
import { nearBenchmarks } from './near.ts';
import { storeBenchmarks } from './store.ts';

const GROUPS = { keys: keyBenchmarks, store: storeBenchmarks, codec: codecBenchmarks, near: nearBenchmarks };

const [wanted = ''] = process.argv.slice(2);
const chosen = Object.entries(GROUPS).filter(([name]) => name.includes(wanted));
if (chosen.length === 0) {
  process.stderr.write(`bench:micro: no group ${wanted}; there are ${Object.keys(GROUPS).join(', ')}\n`);
  process.exit(2);
}
for (const [name, add] of chosen) group(name, add);
await run({ colors: process.stdout.isTTY === true });
