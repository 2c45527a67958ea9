#!/usr/bin/env node
/** `npm run check`: lint and format, types of sources and tests, and the rules of the house. No test of behaviour. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { conclude, root, runCommand, runVitest } from './stage.mjs';

const bin = (name) => join(root, 'node_modules', '.bin', name);

export function checkStages() {
  return [
    runCommand('lint and format', bin('biome'), ['check', '--error-on-warnings', '.']),
    runCommand('types', bin('tsc'), ['-p', 'tsconfig.check.json']),
    runVitest('tidy', { args: ['scripts'] }),
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit(conclude(checkStages()));
