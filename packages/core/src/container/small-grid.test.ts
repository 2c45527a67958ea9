// Goal: a catalog and its containers play together as the protocol says, from the first placement to a fail-over.
import { fileURLToPath } from 'node:url';
import { test } from 'vitest';
import { runScript } from '../run-script.test-lib.ts';
import { SmallGrid } from './small-grid.test-lib.ts';

const SCRIPTS = ['two-containers', 'stopped-primary', 'catalog-away', 'three-containers', 'read-modes'];

test.each(SCRIPTS)('%s', (script) => {
  const grid = new SmallGrid();
  runScript(fileURLToPath(new URL(`./testdata/${script}.txt`, import.meta.url)), (command) => grid.run(command));
});
