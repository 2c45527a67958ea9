/** `npm run store-oracle -- [options]`, in packages/testing. */
import { parseArgs } from 'node:util';
import { runSteady, type SteadyKeys } from './steady-run.ts';
import { runStore, type StoreRunOptions } from './store-run.ts';

const USAGE = `npm run store-oracle -- [options]
  --operations N  against the oracle, over four kinds of stores (200000; 1e7 takes some minutes)
  --seed S        of the run; default: a fresh one
  --steady        only measure what the cleaner writes under steady updates
  --entries N     for that: entries of 13 + 100 bytes (200000)`;

const KINDS: readonly (Omit<StoreRunOptions, 'seed' | 'operations' | 'onProgress'> & { readonly name: string })[] = [
  { name: 'small segments', segmentBytesMax: 4_096, keyCountMax: 5_000 },
  { name: 'its own sizes', segmentBytesMax: 2 ** 20, keyCountMax: 30_000 },
  { name: 'twelve keys of each hash', hashBits: 9, keyCountMax: 6_000 },
  { name: 'four hashes', hashBits: 2, keyCountMax: 500, segmentBytesMax: 2_048 },
];
const PROGRESS_MS = 10_000;

function main(): number {
  const { values } = parseArgs({
    options: {
      operations: { type: 'string', default: '200000' },
      seed: { type: 'string' },
      steady: { type: 'boolean', default: false },
      entries: { type: 'string', default: '200000' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    print(USAGE);
    return 0;
  }
  const seed = values.seed === undefined ? Date.now() % 1_000_000 : wholeNumber('seed', values.seed);
  if (!values.steady && !compareAll(seed, wholeNumber('operations', values.operations))) return 1;
  for (const keys of ['uniform', 'zipf 0.99'] as const) measure(keys, seed, wholeNumber('entries', values.entries));
  return 0;
}

function compareAll(seed: number, operations: number): boolean {
  for (const { name, ...kind } of KINDS) {
    const part = Math.ceil(operations / KINDS.length);
    let saidAtMs = performance.now();
    let done = 0;
    const onProgress: StoreRunOptions['onProgress'] = (operationsDone, store) => {
      done = operationsDone;
      if (performance.now() - saidAtMs < PROGRESS_MS) return;
      saidAtMs = performance.now();
      const { utilisation } = store.memory;
      print(`  ${done.toLocaleString('en')} operations, ${store.count} entries, utilisation ${percent(utilisation)}`);
    };
    try {
      const report = runStore({ ...kind, seed, operations: part, onProgress });
      const { walks, clears, comparedEntries, countMax, relocatedBytes, writtenBytes } = report;
      print(
        `${name}: ${report.operations.toLocaleString('en')} operations as the oracle, up to ${countMax} entries, ` +
          `${comparedEntries.toLocaleString('en')} compared in scans, ${walks} walks, ${clears} clears, ` +
          `${mebibytes(writtenBytes)} written, ${mebibytes(relocatedBytes)} of it by the cleaner`,
      );
    } catch (error) {
      print(`${name}: after about ${done} operations: ${error instanceof Error ? error.stack : error}`);
      print(`again: npm run store-oracle -- --operations ${operations} --seed ${seed}`);
      return false;
    }
  }
  return true;
}

function measure(keys: SteadyKeys, seed: number, entryCount: number): void {
  const { utilisation, allocatedShare, amplification, nsPerPut, longestMs } = runSteady({ keys, seed, entryCount });
  print(
    `steady updates, ${keys}, ${entryCount.toLocaleString('en')} entries: utilisation ${percent(utilisation)} ` +
      `(of all memory ${percent(allocatedShare)}), write amplification ${amplification.toFixed(2)}, ` +
      `${nsPerPut.toFixed(0)} ns a put, longest ${longestMs.toFixed(1)} ms`,
  );
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0) throw new Error(`--${name} takes a whole number, not ${text}`);
  return number;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exitCode = main();
