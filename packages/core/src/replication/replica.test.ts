// Goal: the rules of a replica (order, votes, cuts, checkpoints), each told as a story.
import { fileURLToPath } from 'node:url';
import { test } from 'vitest';
import { OneContainer } from '../container/one-container.test-lib.ts';
import { runScript } from '../run-script.test-lib.ts';

test.each([
  'replica-order',
  'replica-new-primary',
  'replica-rollback',
  'replica-refusal',
  'replica-checkpoint',
  'replica-checkpoint-interrupted',
  'replica-digest',
  'replica-digest-checkpoint',
  'replica-dirty',
  'replica-dirty-refused',
  'replica-listed',
  'replica-memory',
  'replica-grant',
])('%s', (script) => {
  const container = new OneContainer();
  runScript(fileURLToPath(new URL(`./testdata/${script}.txt`, import.meta.url)), (command) => container.run(command));
});
