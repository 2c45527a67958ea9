import { expect, test } from 'vitest';
import { newRandom } from '../random.ts';
import { MapLedger } from './map-ledger.ts';

test('the sum is that of undecided records', () => {
  const random = newRandom(5);
  const ledger = new MapLedger();
  const noted: [number, number][] = [];
  let decidedLsn = 0;
  for (let lsn = 1; lsn < 20_000; lsn++) {
    const bytes = random.below(3) === 0 ? -random.below(500) : random.below(1_000);
    if (random.below(4) > 0) {
      ledger.note(lsn, bytes);
      noted.push([lsn, bytes]);
    }
    if (random.below(10) === 0) decidedLsn = Math.min(lsn, decidedLsn + random.below(25));
    if (lsn % 7 > 0) continue;
    const left = noted.reduce((sum, [at, size]) => (at > decidedLsn ? sum + size : sum), 0);
    expect(ledger.undecidedBytes(decidedLsn)).toBe(left);
    while (noted.length > 0 && (noted[0] as [number, number])[0] <= decidedLsn) noted.shift();
  }
});
