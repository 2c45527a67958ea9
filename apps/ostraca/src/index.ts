export { inDigits, loadEntries, newProgress } from './load-entries.ts';
export { run } from './program.ts';
export { processTerminal, type Terminal } from './terminal.ts';
