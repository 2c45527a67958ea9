// Goal: the rules of a primary (D1, A1, A2, E1 to E3, P1, N1, L1, L2, K3), each told as a story of one container.
import { fileURLToPath } from 'node:url';
import { test } from 'vitest';
import { runScript } from '../run-script.test-lib.ts';
import { OneContainer } from './one-container.test-lib.ts';

test.each([
  'first-placement',
  'commit',
  'refusal',
  'eviction',
  'eviction-below-min',
  'keep-lsn',
  'candidate',
  'flapping',
  'placed-again',
  'retry',
  'retry-unsettled',
  'resolve',
  'resolve-below-min',
  'resolve-promotion',
  'inherited',
  'inherited-rollback',
  'promoted-from-eligible',
  'lease',
  'grants',
  'own-grants',
  'step-down',
  'drain',
  'expiry',
  'expiry-touch',
  'expiry-kinds',
  'expiry-promotion',
  'expiry-below-min',
  'expiry-eligible',
  'near-cache',
  'near-cache-promotion',
  'map-limit',
  'map-limit-none',
  'map-limit-promotion',
  'container-memory',
  'tx-optimistic',
  'tx-locks',
  'tx-deadlock',
  'tx-expiry',
  'tx-eviction',
  'durable-lock',
])('%s', (script) => {
  const container = new OneContainer();
  runScript(fileURLToPath(new URL(`./testdata/${script}.txt`, import.meta.url)), (command) => container.run(command));
});
