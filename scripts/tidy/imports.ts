/** Who may import whom: our own packages by a table, others by what a manifest declares. */
import type { Finding } from './finding.ts';
import { isTest, lineAt, type SourceFile } from './source-file.ts';

const SCOPE = '@ostraca/';

/** By package name without the scope; `loader-*` and the apps have rules of their own in `mayImport`. */
export const IMPORT_TABLE: Readonly<Record<string, readonly string[]>> = {
  core: [],
  protocol: ['core'],
  runtime: ['core', 'protocol'],
  client: ['core', 'protocol', 'runtime'],
  server: ['core', 'protocol', 'runtime'],
  session: ['client', 'server'],
  testing: ['core', 'protocol', 'client', 'server'],
};

/** A package or an app, by its folder. */
export interface Manifest {
  /** `packages/core` */
  readonly folder: string;
  /** `@ostraca/core` */
  readonly name: string;
  readonly dependencies: readonly string[];
  readonly devDependencies: readonly string[];
}

export interface Import {
  readonly specifier: string;
  /** From 1. */
  readonly line: number;
  readonly typeOnly: boolean;
}

const STATEMENT = /(?<![.\w$])(import|export)(\s+type\b)?([\s{*][^'"`;()]*?)?(['"])/g;
const CALL = /(?<![.\w$])(?:import|require)\s*\(\s*(['"])/g;

/** Static, re-exporting and dynamic imports. */
export function importsOf(file: SourceFile): Import[] {
  const found: Import[] = [];
  for (const match of file.code.matchAll(STATEMENT)) {
    // `export const x = 'text'` has no `from`; `import 'x'` has nothing before its quote.
    const between = (match[3] ?? '').trim();
    const isImport = match[1] === 'import' && between === '';
    if (!isImport && !between.endsWith('from')) continue;
    found.push(importAt(file, match.index, match.index + match[0].length, match[2] !== undefined));
  }
  for (const match of file.code.matchAll(CALL)) {
    found.push(importAt(file, match.index, match.index + match[0].length, false));
  }
  return found;
}

function importAt(file: SourceFile, start: number, from: number, typeOnly: boolean): Import {
  const quote = file.text.charAt(from - 1);
  return { specifier: file.text.slice(from, file.text.indexOf(quote, from)), line: lineAt(file.text, start), typeOnly };
}

/** Rules over one file of a package or an app; `manifests` are all of them. */
export function importFindings(file: SourceFile, manifests: readonly Manifest[]): Finding[] {
  const owner = manifests.find(({ folder }) => file.path.startsWith(`${folder}/`));
  if (owner === undefined) return [];
  return importsOf(file).flatMap((imported) => {
    const problem = imported.specifier.startsWith('.')
      ? relativeProblem(file, owner, imported)
      : (scopedProblem(file, owner, imported, manifests) ?? outsideProblem(file, owner, imported));
    return problem === undefined ? [] : [{ path: file.path, line: imported.line, ...problem }];
  });
}

/** Dependencies of a manifest keep to the table too, or the table would hold for sources only. */
export function manifestFindings(manifest: Manifest, manifests: readonly Manifest[]): Finding[] {
  return manifest.dependencies
    .filter((name) => name.startsWith(SCOPE) && !mayImport(manifest, name, manifests))
    .map((name) => ({
      path: `${manifest.folder}/package.json`,
      line: 1,
      what: `${manifest.name} depends on ${name}`,
      instead: allowedText(manifest),
    }));
}

interface Problem {
  readonly what: string;
  readonly instead: string;
}

function relativeProblem(file: SourceFile, owner: Manifest, imported: Import): Problem | undefined {
  const target = resolve(file.path, imported.specifier);
  if (!target.startsWith(`${owner.folder}/`)) {
    return {
      what: `import of ${imported.specifier} leaves the package`,
      instead: 'import the other package by its name',
    };
  }
  if (file.path.endsWith('.ts') && !/\.(ts|js|mjs|json)$/.test(imported.specifier)) {
    return { what: `import of ${imported.specifier} has no extension`, instead: `${imported.specifier}.ts` };
  }
  if (!isTest(file.path) && isTest(target)) {
    return {
      what: `a source imports the test file ${imported.specifier}`,
      instead: 'move what both need into a source',
    };
  }
  return undefined;
}

function scopedProblem(
  file: SourceFile,
  owner: Manifest,
  imported: Import,
  manifests: readonly Manifest[],
): Problem | undefined {
  if (!imported.specifier.startsWith(SCOPE)) return undefined;
  const name = packageOf(imported.specifier);
  if (imported.specifier !== name) {
    return { what: `deep import of ${imported.specifier}`, instead: `export it from ${name} and import it there` };
  }
  if (name === owner.name) return { what: `${name} imports itself by name`, instead: 'a relative import' };
  // Tests may put any two parts together; what ships may not.
  if (isTest(file.path)) return undefined;
  if (!mayImport(owner, name, manifests)) return { what: `${owner.name} imports ${name}`, instead: allowedText(owner) };
  if (isLoader(owner) && !imported.typeOnly) {
    return { what: `a Loader imports more than types of ${name}`, instead: 'import type' };
  }
  return undefined;
}

function outsideProblem(file: SourceFile, owner: Manifest, imported: Import): Problem | undefined {
  if (isTest(file.path) || imported.specifier.startsWith(SCOPE)) return undefined;
  const name = packageOf(imported.specifier);
  if (owner.name === `${SCOPE}core`) {
    if (name !== 'immer') {
      return { what: `core imports ${imported.specifier}`, instead: 'have it handed in: core has immer alone' };
    }
    if (!file.path.startsWith(`${owner.folder}/src/catalog/`)) {
      return { what: 'immer outside catalog/', instead: 'plain state: immer is for the state of the catalog alone' };
    }
  }
  if (imported.specifier.startsWith('node:')) return undefined;
  if (owner.dependencies.includes(name)) return undefined;
  return {
    what: `${name} is not a dependency of ${owner.name}`,
    instead: `declare it in ${owner.folder}/package.json`,
  };
}

function mayImport(owner: Manifest, name: string, manifests: readonly Manifest[]): boolean {
  const imported = name.slice(SCOPE.length);
  if (imported === 'testing') return false;
  if (isApp(owner)) return manifests.some((other) => other.name === name && !isApp(other));
  return allowedFor(owner).includes(imported);
}

function allowedFor(owner: Manifest): readonly string[] {
  if (isLoader(owner)) return ['core'];
  return IMPORT_TABLE[owner.name.slice(SCOPE.length)] ?? [];
}

function allowedText(owner: Manifest): string {
  if (isApp(owner)) return 'packages only, never another app, never testing';
  const allowed = allowedFor(owner);
  return allowed.length === 0 ? 'none of our packages' : `only ${allowed.join(', ')}`;
}

function isApp(manifest: Manifest): boolean {
  return manifest.folder.startsWith('apps/');
}

function isLoader(manifest: Manifest): boolean {
  return manifest.name.startsWith(`${SCOPE}loader-`);
}

/** `@scope/name/deep` -> `@scope/name`, `name/deep` -> `name` */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function resolve(path: string, specifier: string): string {
  const parts = path.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}
