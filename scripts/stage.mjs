/** One step of `npm test`: a command that is timed, and whose tests are counted by the report that vitest writes. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
export const vitestEntry = join(root, 'node_modules', 'vitest', 'vitest.mjs');

/**
 * Runs a command that passes or fails as a whole.
 *
 * @returns {{ name: string, passed: number, failed: number, skipped: number, seconds: number }}
 */
export function runCommand(name, command, args) {
  const { ok, seconds } = runTimed(name, command, args);
  return report({ name, passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0, seconds });
}

/** Runs vitest under the given Node.js; a run that fails without a failed test (a file that does not load) counts one. */
export function runVitest(name, { node = process.execPath, args = [] } = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'ostraca-test-'));
  const file = join(directory, 'report.json');
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    const { ok, seconds } = runTimed(name, node, [vitestEntry, 'run', ...reporters, ...args]);
    const counts = readCounts(file);
    const failed = ok ? counts.failed : Math.max(counts.failed, 1);
    return report({ name, passed: counts.passed, failed, skipped: counts.skipped, seconds });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Prints the closing lines and says with what code to exit. */
export function conclude(stages) {
  process.stdout.write('\n');
  for (const stage of stages) {
    const skipped = stage.skipped === 0 ? '' : `, ${stage.skipped} skipped`;
    process.stdout.write(
      `${stage.name.padEnd(24)} ${stage.seconds.toFixed(1).padStart(7)} s   ${stage.passed} passed, ${stage.failed} failed${skipped}\n`,
    );
  }
  const passed = stages.reduce((sum, stage) => sum + stage.passed, 0);
  const failed = stages.reduce((sum, stage) => sum + stage.failed, 0);
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

function runTimed(name, command, args) {
  process.stdout.write(`\n── ${name}\n`);
  const started = Date.now();
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (error !== undefined) process.stdout.write(`${name}: ${error.message}\n`);
  return { ok: status === 0, seconds: (Date.now() - started) / 1000 };
}

function readCounts(file) {
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(readFileSync(file, 'utf8'));
    return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests };
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

function report(stage) {
  process.stdout.write(`── ${stage.name}: ${stage.failed === 0 ? 'ok' : 'FAILED'}, ${stage.seconds.toFixed(1)} s\n`);
  return stage;
}
