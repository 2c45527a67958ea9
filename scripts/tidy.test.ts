// Goal: the rules of the house hold in this tree, and each rule finds what it is there to find.
import { describe, expect, test } from 'vitest';
import { blankOut } from './tidy/blank-out.ts';
import { describeFinding, type Finding } from './tidy/finding.ts';
import { importFindings, importsOf, type Manifest, manifestFindings } from './tidy/imports.ts';
import {
  defaultExportFindings,
  identifierFindings,
  lostDocumentFindings,
  pathFindings,
  testShortcutFindings,
} from './tidy/names.ts';
import { purityFindings } from './tidy/purity.ts';
import { longFiles, sizeFindings } from './tidy/sizes.ts';
import { newSourceFile } from './tidy/source-file.ts';
import { isThere, pathsBelow, readManifests, readSources } from './tidy/tree.ts';

describe('the tree', () => {
  const sources = readSources();
  const manifests = readManifests();

  test('is read', () => {
    expect(sources.map(({ path }) => path)).toContain('packages/core/src/errors.ts');
    expect(sources.every(({ path }) => !path.includes('node_modules') && !path.includes('/dist/'))).toBe(true);
    expect(manifests.map(({ name }) => name)).toContain('@ostraca/core');
  });

  test('imports keep to the table of docs/ARCHITECTURE.md', () => {
    clean(sources.flatMap((file) => importFindings(file, manifests)));
    clean(manifests.flatMap((manifest) => manifestFindings(manifest, manifests)));
  });

  test('core touches no clock, timer, randomness, process or console', () => {
    clean(sources.flatMap(purityFindings));
  });

  test('no file is too long', () => {
    for (const { path, lines } of longFiles(sources)) console.info(`long: ${path}, ${lines} lines`);
    clean(sizeFindings(sources));
  });

  test('names say something', () => {
    clean(['packages', 'apps', 'scripts', 'docs'].flatMap(pathsBelow).flatMap(pathFindings));
    clean(sources.flatMap(identifierFindings));
  });

  test('no default exports', () => {
    clean(sources.flatMap(defaultExportFindings));
  });

  test('no test is left out', () => {
    clean(sources.flatMap(testShortcutFindings));
  });

  test('comments name documents that are there', () => {
    const ours = sources.filter(({ path }) => path !== 'scripts/tidy.test.ts');
    clean(ours.flatMap((file) => lostDocumentFindings(file, isThere)));
  });
});

describe('code apart from what comments and literals say', () => {
  test.each([
    ["a('Date') // Date", "a('    ')        "],
    ['/* Date\nDate */ b', '       \n        b'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source code to be read
    ['`Date ${now(`x`)} Date` + c', '`     ${now(` `)}     ` + c'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source code to be read
    ['`${{ a: 1 }.a}Date`', '`${{ a: 1 }.a}    `'],
    ["a = /'Date/g.test(x)", 'a =         .test(x)'],
    ["a / b / 'Date'", "a / b / '    '"],
    ["'it\\'s Date', d", "'          ', d"],
    ['return /[/"]Date/;', 'return           ;'],
  ])('%s', (source, code) => {
    expect(blankOut(source)).toBe(code);
  });
});

describe('imports', () => {
  const manifests: Manifest[] = [
    { folder: 'packages/core', name: '@ostraca/core', dependencies: ['immer'], devDependencies: [] },
    { folder: 'packages/protocol', name: '@ostraca/protocol', dependencies: ['@ostraca/core'], devDependencies: [] },
    { folder: 'packages/client', name: '@ostraca/client', dependencies: ['@ostraca/core'], devDependencies: [] },
    { folder: 'packages/server', name: '@ostraca/server', dependencies: ['zod'], devDependencies: [] },
    { folder: 'packages/testing', name: '@ostraca/testing', dependencies: ['@ostraca/server'], devDependencies: [] },
    { folder: 'packages/loader-x', name: '@ostraca/loader-x', dependencies: ['@ostraca/core'], devDependencies: [] },
    { folder: 'apps/ostraca', name: '@ostraca/cli', dependencies: ['@ostraca/client'], devDependencies: [] },
    { folder: 'apps/bench', name: '@ostraca/bench', dependencies: ['@ostraca/cli'], devDependencies: [] },
  ];
  const check = (path: string, text: string) => texts(importFindings(newSourceFile(path, text), manifests));

  test('every form is seen, and nothing else', () => {
    const text = [
      "import a from 'one';",
      "import type { B } from 'two';",
      'import {\n  c,\n} from "three";',
      "export * from 'four';",
      "import 'five';",
      "const d = await import('six');",
      "export const e = 'seven';",
      "// import f from 'eight';",
      "export type G = 'nine';",
    ].join('\n');
    const found = importsOf(newSourceFile('x.ts', text));
    expect(found.map(({ specifier }) => specifier)).toEqual(['one', 'two', 'three', 'four', 'five', 'six']);
    expect(found.map(({ line }) => line)).toEqual([1, 2, 3, 6, 7, 8]);
    expect(found.map(({ typeOnly }) => typeOnly)).toEqual([false, true, false, false, false, false]);
  });

  test.each([
    ['packages/core/src/a.ts', "import '@ostraca/client';", '@ostraca/core imports @ostraca/client'],
    ['packages/core/src/a.ts', "import { readFileSync } from 'node:fs';", 'core imports node:fs'],
    ['packages/core/src/a.ts', "import { z } from 'zod';", 'core imports zod'],
    ['packages/core/src/shard/a.ts', "import { produce } from 'immer';", 'immer outside catalog/'],
    [
      'packages/protocol/src/a.ts',
      "import type { X } from '@ostraca/server';",
      '@ostraca/protocol imports @ostraca/server',
    ],
    [
      'packages/client/src/a.ts',
      "import { X } from '@ostraca/core/src/ids.ts';",
      'deep import of @ostraca/core/src/ids.ts',
    ],
    [
      'packages/client/src/a.test.ts',
      "import '@ostraca/core/dist/ids.js';",
      'deep import of @ostraca/core/dist/ids.js',
    ],
    [
      'packages/client/src/a.ts',
      "import '../../core/src/ids.ts';",
      'import of ../../core/src/ids.ts leaves the package',
    ],
    ['packages/client/src/a.ts', "import './b';", 'import of ./b has no extension'],
    ['packages/client/src/a.ts', "import './b.test-lib.ts';", 'a source imports the test file ./b.test-lib.ts'],
    ['packages/client/src/a.ts', "import 'lodash';", 'lodash is not a dependency of @ostraca/client'],
    ['packages/server/src/a.ts', "import '@ostraca/testing';", '@ostraca/server imports @ostraca/testing'],
    ['packages/loader-x/src/a.ts', "import { assert } from '@ostraca/core';", 'a Loader imports more than types'],
    ['apps/bench/src/a.ts', "import '@ostraca/cli';", '@ostraca/bench imports @ostraca/cli'],
    ['apps/ostraca/src/a.ts', "import '@ostraca/testing';", '@ostraca/cli imports @ostraca/testing'],
  ])('%s: %s', (path, text, finding) => {
    expect(check(path, text)).toEqual([expect.stringContaining(`${path}:1: ${finding}`)]);
  });

  test.each([
    ['packages/core/src/catalog/a.ts', "import { produce } from 'immer';"],
    ['packages/core/src/a.test.ts', "import { readFileSync } from 'node:fs'; import { test } from 'vitest';"],
    ['packages/client/src/a.ts', "import { X } from '@ostraca/core'; import './b.ts';"],
    ['packages/client/src/a.test.ts', "import { simulate } from '@ostraca/testing';"],
    ['packages/server/src/a.ts', "import * as z from 'zod'; import fs from 'node:fs';"],
    ['packages/loader-x/src/a.ts', "import type { X } from '@ostraca/core';"],
    ['apps/ostraca/src/a.ts', "import { connect } from '@ostraca/client';"],
  ])('%s: %s is fine', (path, text) => {
    expect(check(path, text)).toEqual([]);
  });

  test('of manifests', () => {
    const found = manifests.flatMap((manifest) => manifestFindings(manifest, manifests));
    expect(texts(found)).toEqual([expect.stringContaining('apps/bench/package.json:1: @ostraca/bench depends on')]);
  });
});

describe('purity of core', () => {
  const check = (text: string, path = 'packages/core/src/a.ts') => texts(purityFindings(newSourceFile(path, text)));

  test.each([
    ['const now = Date.now();', 'Date'],
    ['return new Date();', 'Date'],
    ['globalThis.performance.now()', 'performance'],
    ['Math.random()', 'Math.random'],
    ['crypto.randomUUID()', 'crypto'],
    ['setTimeout(f, 1)', 'setTimeout'],
    ['clearInterval(t)', 'clearInterval'],
    ['queueMicrotask(f)', 'queueMicrotask'],
    ['await Promise.race([a, b])', 'Promise.race'],
    ['console.log(1)', 'console'],
    ['process.env.X', 'process'],
    ['Buffer.from(x)', 'Buffer'],
  ])('%s', (text, name) => {
    expect(check(`\n${text}`)).toEqual([expect.stringMatching(`^packages/core/src/a.ts:2: core names .*${name}`)]);
  });

  test.each([
    'state.process(1); const ArrayBufferLike = new ArrayBuffer(8);',
    "const text = 'Date.now()'; // Date.now()",
    'interface A { Date: number }',
    'function process(a: number) {} process(1);',
    'effects.console.log(1)',
  ])('%s is fine', (text) => {
    expect(check(text)).toEqual([]);
  });

  test('holds for core, and not for its tests', () => {
    expect(check('Date.now()', 'packages/core/src/a.test.ts')).toEqual([]);
    expect(check('Date.now()', 'packages/runtime/src/a.ts')).toEqual([]);
  });
});

test('sizes: over 400 lines is told, over 600 refused, generated code left alone', () => {
  const file = (path: string, lines: number) => newSourceFile(path, 'a;\n'.repeat(lines));
  const files = [file('a.ts', 400), file('b.ts', 401), file('c.ts', 601), file('x/generated/d.ts', 9_000)];
  expect(longFiles(files)).toEqual([
    { path: 'c.ts', lines: 601 },
    { path: 'b.ts', lines: 401 },
  ]);
  expect(texts(sizeFindings(files))).toEqual([expect.stringContaining('c.ts:600: 601 lines')]);
});

test('names: of paths', () => {
  const bad = [
    'packages/shared/a.ts',
    'packages/core/src/utils.ts',
    'a/string-helpers.ts',
    'a/master-copy.ts',
    'a/types.ts',
  ];
  for (const path of bad) expect(texts(pathFindings(path)), path).toHaveLength(1);
  const good = ['packages/core/src/primary.ts', 'a/mastery.ts', 'a/typescript.ts', 'a/testdata/utilisation.txt'];
  for (const path of good) expect(texts(pathFindings(path)), path).toEqual([]);
});

test('names: of identifiers', () => {
  const check = (text: string) => texts(identifierFindings(newSourceFile('a.ts', text)));
  expect(check('const a = 1;\nlet masterEpoch = 1;')).toEqual([
    expect.stringContaining('a.ts:2: the name masterEpoch'),
  ]);
  expect(check('const SLAVE_COUNT = 1;')).toEqual([expect.stringContaining('replica')]);
  expect(check("const mastery = 'master'; // the slave")).toEqual([]);
});

test('default exports', () => {
  const check = (path: string, text: string) => texts(defaultExportFindings(newSourceFile(path, text)));
  expect(check('a.ts', 'export default 1;')).toHaveLength(1);
  expect(check('a.ts', 'const a = 1;\nexport { a as default };')).toEqual([expect.stringContaining('a.ts:2')]);
  expect(check('vitest.config.ts', 'export default 1;')).toEqual([]);
  expect(check('a.ts', 'export const a = { default: 1 };')).toEqual([]);
});

test('tests left out', () => {
  const check = (text: string) => texts(testShortcutFindings(newSourceFile('a.test.ts', text)));
  for (const left of ['only', 'skip', 'todo']) expect(check(`test.${left}('x', f);`)).toHaveLength(1);
  expect(check('describe.only("x", f);')).toHaveLength(1);
  expect(check("test.skipIf(!hasPromtool)('x', f); read.only(); // test.only")).toEqual([]);
});

test('documents that are not there', () => {
  const check = (text: string) =>
    texts(lostDocumentFindings(newSourceFile('a.ts', text), (path) => path === 'docs/errors.md'));
  expect(check('/** See docs/errors.md. */\n// and plan.md')).toEqual([
    expect.stringContaining('a.ts:2: a comment names plan.md'),
  ]);
  expect(check("const file = 'plan.md';")).toEqual([]);
});

function texts(findings: readonly Finding[]): string[] {
  return findings.map(describeFinding);
}

function clean(findings: readonly Finding[]): void {
  expect(texts(findings).join('\n')).toBe('');
}
