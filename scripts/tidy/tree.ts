/** Reads what is ours of the working tree: no dependencies, no builds, nothing that a tool made. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Manifest } from './imports.ts';
import { newSourceFile, type SourceFile } from './source-file.ts';

export const rootDirectory = fileURLToPath(new URL('../..', import.meta.url));

const NOT_OURS = new Set(['node_modules', 'dist', '.git', '.turbo', 'coverage']);

/** Every path below a folder of the repository; '' is the whole of it. */
export function pathsBelow(folder: string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(join(rootDirectory, folder), { withFileTypes: true })) {
    if (NOT_OURS.has(entry.name)) continue;
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) found.push(...pathsBelow(path));
    else if (entry.isFile()) found.push(path);
  }
  return found.sort();
}

export function readText(path: string): string {
  return readFileSync(join(rootDirectory, path), 'utf8');
}

export function isThere(path: string): boolean {
  return existsSync(join(rootDirectory, path));
}

export function readSources(): SourceFile[] {
  return ['packages', 'apps', 'scripts']
    .flatMap(pathsBelow)
    .filter((path) => /\.(ts|tsx|mts|mjs|js)$/.test(path))
    .map((path) => newSourceFile(path, readText(path)));
}

/** Of every package and app; the root's is apart, for it owns no sources. */
export function readManifests(): Manifest[] {
  return ['packages', 'apps']
    .flatMap((group) => readdirSync(join(rootDirectory, group)).map((name) => `${group}/${name}`))
    .filter((folder) => isThere(`${folder}/package.json`))
    .map((folder) => readManifest(folder));
}

export function readManifest(folder: string): Manifest {
  const manifest = JSON.parse(readText(folder === '' ? 'package.json' : `${folder}/package.json`));
  return {
    folder,
    name: String(manifest.name),
    dependencies: Object.keys({
      ...manifest.dependencies,
      ...manifest.peerDependencies,
      ...manifest.optionalDependencies,
    }),
    devDependencies: Object.keys(manifest.devDependencies ?? {}),
  };
}
