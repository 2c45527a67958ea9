import { describe, expect, test } from 'vitest';
import { ERROR_CODES } from '../packages/core/src/errors.ts';
import { isSupportedNode, OLDEST_NODE } from './node-version.mjs';
import {
  type Document,
  lostLinkFindings,
  lostPathFindings,
  ruleFindings,
  rulesOf,
  tableRows,
} from './tidy/documents.ts';
import { describeFinding, type Finding } from './tidy/finding.ts';
import { IMPORT_TABLE } from './tidy/imports.ts';
import { isThere, pathsBelow, readManifest, readManifests, readText } from './tidy/tree.ts';

const documents: Document[] = ['README.md', ...pathsBelow('docs').filter((path) => path.endsWith('.md'))].map(
  (path) => ({ path, text: readText(path) }),
);
const transactions = { path: 'docs/internals/transactions.md', text: readText('docs/internals/transactions.md') };
const replication = { path: 'docs/internals/replication.md', text: readText('docs/internals/replication.md') };

test('errors.md has exactly the codes of the table, with their facts', () => {
  const listed = tableRows(readText('docs/errors.md'), ['code', 'number', 'outcome', 'retry']);
  const codes = Object.entries(ERROR_CODES).map(([code, { number, outcome, retry }]) => [
    code,
    `${number}`,
    outcome,
    retry,
  ]);
  expect(listed.map((cells) => cells.slice(0, 4))).toEqual(codes);
  for (const cells of listed)
    expect(
      cells.every((cell) => cell !== ''),
      cells[0],
    ).toBe(true);
});

test('dependencies.md has every dependency', () => {
  const text = readText('docs/dependencies.md');
  const root = readManifest('');
  const users = new Map(tableRows(text, ['dependency', 'of']).map(([name, of]) => [name, of?.split(', ').sort()]));
  const ours = tableRows(text, ['dependency', 'why']).map(([name]) => name);
  const wanted = new Map<string, string[]>();
  for (const { name, dependencies } of readManifests()) {
    for (const dependency of dependencies) {
      if (dependency.startsWith('@ostraca/')) expect(text).toContain(`\`${dependency}\``);
      else wanted.set(dependency, [...(wanted.get(dependency) ?? []), name.replace('@ostraca/', '')].sort());
    }
  }
  expect(Object.fromEntries(users)).toEqual(Object.fromEntries(wanted));
  const development = [root, ...readManifests()].flatMap(({ devDependencies }) => devDependencies);
  expect(ours.sort()).toEqual([...new Set(development)].sort());
});

test('the glossary has the words that we use, and those that we do not', () => {
  const text = readText('docs/glossary.md');
  const used = tableRows(text, ['word', 'what it means']).map(([word]) => word);
  expect(new Set(used).size).toBe(used.length);
  expect(used).toEqual(
    expect.arrayContaining(['partition', 'shard', 'epoch', 'lsn', 'decided', 'vote', 'lease', 'grant']),
  );
  expect(tableRows(text, ['not', 'but']).length).toBeGreaterThan(4);
});

test('ARCHITECTURE.md has the import table, and an end', () => {
  const text = readText('docs/ARCHITECTURE.md');
  for (const [name, allowed] of tableRows(text, ['package', 'may import'])) {
    if (name !== 'core' && name !== 'apps') expect(allowed, name).toBe(IMPORT_TABLE[name ?? '']?.join(', '));
  }
  expect(text.split('\n').length).toBeLessThanOrEqual(400);
});

test('paths and links lead somewhere', () => {
  clean(documents.flatMap((document) => lostPathFindings(document, isThere)));
  clean(documents.flatMap((document) => lostLinkFindings(document, isThere)));
});

test('every rule of replication.md is named where it is enforced', () => {
  const names = rulesOf(replication).map(({ name }) => name);
  expect(names).toEqual(
    expect.arrayContaining(['D1', 'A1', 'A2', 'E1', 'E2', 'E3', 'P1', 'N1', 'N2', 'L1', 'L2', 'K1', 'K3']),
  );
  clean(ruleFindings(replication, (path) => (isThere(path) ? readText(path) : undefined)));
});

test('every rule of transactions.md is named where it is enforced', () => {
  expect(rulesOf(transactions).map(({ name }) => name)).toEqual(['T1', 'T2', 'T3', 'T4', 'T5', 'T6', 'T7']);
  clean(ruleFindings(transactions, (path) => (isThere(path) ? readText(path) : undefined)));
});

test('the oldest Node.js is the same everywhere', () => {
  for (const { folder } of [{ folder: '' }, ...readManifests()]) {
    const path = folder === '' ? 'package.json' : `${folder}/package.json`;
    expect(`${JSON.parse(readText(path)).engines?.node}.0`, path).toBe(`>=${OLDEST_NODE}`);
  }
  for (const version of ['v20.19.0', 'v20.20.2', 'v22.0.0', 'v24.9.0', 'v26.1.0'])
    expect(isSupportedNode(version)).toBe(true);
  for (const version of ['v12.22.12', 'v18.20.8', 'v20.9.0', 'v20.18.3']) expect(isSupportedNode(version)).toBe(false);
});

describe('the rules find what they are there to find', () => {
  const at = (text: string): Document => ({ path: 'docs/a.md', text });
  const exists = (path: string): boolean => ['packages/core/src/a.ts', 'docs/b.md', 'README.md'].includes(path);

  test('paths', () => {
    const text = '`packages/core/src/a.ts`\n`packages/core/src/gone.ts` and packages in general';
    const [only, ...others] = lostPathFindings(at(text), exists).map(describeFinding);
    expect(only).toContain('docs/a.md:2: names packages/core/src/gone.ts');
    expect(others).toEqual([]);
  });

  test('links', () => {
    const text = '[b](b.md#x) [readme](../README.md) [out](https://example.org) [here](#x)\n[gone](c.md)';
    expect(lostLinkFindings(at(text), exists).map(describeFinding)).toEqual([
      'docs/a.md:2: links to c.md, which is not there; instead: where it is now',
    ]);
  });

  test('rules', () => {
    const read = (path: string): string | undefined => (exists(path) ? '// D1: decided' : undefined);
    const rule = (name: string, enforced: string) => at(`### ${name}: x\n\ntext\n\n${enforced}\n\n## Next\n`);
    const check = (name: string, enforced: string) => ruleFindings(rule(name, enforced), read).map(({ what }) => what);
    expect(check('D1', 'Enforced in: `packages/core/src/a.ts`.')).toEqual([]);
    expect(check('E1', 'Enforced in: `packages/core/src/a.ts`.')).toEqual([
      'E1 is not named in packages/core/src/a.ts',
    ]);
    expect(check('E1', 'Enforced in: `packages/core/src/b.ts`.')).toEqual(['E1: no packages/core/src/b.ts']);
    expect(check('E1', '')).toEqual(['E1 is enforced nowhere']);
  });

  test('tables', () => {
    expect(tableRows('| a | b |\n|---|---|\n| `1` | 2 |\n\n| c |', ['a', 'b'])).toEqual([['1', '2']]);
    expect(tableRows('| a |', ['x'])).toEqual([]);
  });
});

function clean(findings: readonly Finding[]): void {
  expect(findings.map(describeFinding).join('\n')).toBe('');
}
