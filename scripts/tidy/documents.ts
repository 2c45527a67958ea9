/** Documents say what is there: paths, links, tables and rules that can be held against the tree. */
import type { Finding } from './finding.ts';
import { lineAt } from './source-file.ts';

export interface Document {
  /** From the root of the repository, with slashes. */
  readonly path: string;
  readonly text: string;
}

const TREE_PATH = /`((?:packages|apps|scripts|docs)\/[\w./-]*[\w-])\/?`/g;
const LINK = /\]\((?!https?:|mailto:)([^)#\s]*)(#[^)\s]*)?\)/g;
const RULE_HEADING = /^### ([A-Z][0-9]): .*$/gm;
const ENFORCED = /^Enforced in: (.*)$/m;

/** Paths of the tree, which documents write between backquotes. */
export function lostPathFindings(document: Document, exists: (path: string) => boolean): Finding[] {
  return [...document.text.matchAll(TREE_PATH)].flatMap((match) => {
    const path = match[1] ?? '';
    if (exists(path)) return [];
    return [findingAt(document, match.index, `names ${path}, which is not there`, 'where it is now')];
  });
}

export function lostLinkFindings(document: Document, exists: (path: string) => boolean): Finding[] {
  const folder = document.path.split('/').slice(0, -1);
  return [...document.text.matchAll(LINK)].flatMap((match) => {
    const target = match[1] ?? '';
    if (target === '' || exists(joined(folder, target))) return [];
    return [findingAt(document, match.index, `links to ${target}, which is not there`, 'where it is now')];
  });
}

/**
 * Each rule (`### D1: ...`) says in which files it is enforced, and at least one of these files says so too, by the
 * rule's name.
 *
 * @param read - Text of a file of the tree, undefined if it is not there.
 */
export function ruleFindings(document: Document, read: (path: string) => string | undefined): Finding[] {
  return rulesOf(document).flatMap(({ name, index, files }) => {
    if (files.length === 0) {
      return [findingAt(document, index, `${name} is enforced nowhere`, 'a line `Enforced in:` with the files')];
    }
    const lost = files.filter((path) => read(path) === undefined);
    if (lost.length > 0)
      return lost.map((path) => findingAt(document, index, `${name}: no ${path}`, 'where it is now'));
    if (files.some((path) => new RegExp(`\\b${name}\\b`).test(read(path) ?? ''))) return [];
    const what = `${name} is not named in ${files.join(', ')}`;
    return [findingAt(document, index, what, 'a comment with its name where it is enforced')];
  });
}

export interface Rule {
  readonly name: string;
  readonly index: number;
  readonly files: readonly string[];
}

export function rulesOf({ text }: Document): Rule[] {
  return [...text.matchAll(RULE_HEADING)].map((match) => {
    const rest = text.slice(match.index + match[0].length);
    const end = rest.search(/^##/m);
    const enforced = ENFORCED.exec(end === -1 ? rest : rest.slice(0, end))?.[1] ?? '';
    return {
      name: match[1] ?? '',
      index: match.index,
      files: [...enforced.matchAll(TREE_PATH)].map((path) => path[1] ?? ''),
    };
  });
}

/** Cells of every row of the table whose heading begins with these cells; backquotes are left out. */
export function tableRows(text: string, heading: readonly string[]): string[][] {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => heading.every((cell, index) => cellsOf(line)[index] === cell));
  if (first === -1) return [];
  const rows: string[][] = [];
  for (const line of lines.slice(first + 2)) {
    if (!line.startsWith('|')) break;
    rows.push(cellsOf(line));
  }
  return rows;
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.replaceAll('`', '').trim());
}

function findingAt(document: Document, index: number, what: string, instead: string): Finding {
  return { path: document.path, line: lineAt(document.text, index), what, instead };
}

function joined(folder: readonly string[], target: string): string {
  const parts = [...folder];
  for (const part of target.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  return parts.join('/');
}
