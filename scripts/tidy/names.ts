/** Names that say nothing, and words that this house does not use (docs/glossary.md). */
import type { Finding } from './finding.ts';
import { isCode, isGenerated, lineAt, matchesIn, type SourceFile } from './source-file.ts';

const EMPTY = 'the noun that it is about';

/** Of folders and files: whole words between dashes and dots. */
const REFUSED_IN_PATHS = new Map([
  ['shared', EMPTY],
  ['util', EMPTY],
  ['utils', EMPTY],
  ['common', EMPTY],
  ['helper', EMPTY],
  ['helpers', EMPTY],
  ['types', 'the file of the noun that has the type'],
  ['manager', EMPTY],
  ['master', 'primary'],
  ['slave', 'replica'],
  ['slot', 'partition'],
  ['snapshot', 'checkpoint'],
]);

/** In identifiers: only the words that nothing else could mean. */
const REFUSED_IN_IDENTIFIERS = new Map([
  ['master', 'primary'],
  ['masters', 'primaries'],
  ['slave', 'replica'],
  ['slaves', 'replicas'],
]);

const IDENTIFIER = /[A-Za-z_$][\w$]*/g;
const TEST_SHORTCUT = /(?<![.\w$])(?:describe|test|it|bench|suite)\s*\.\s*(?:only|skip|todo)\b(?!\s*If)/g;

/** The path of each file, folder by folder. */
export function pathFindings(path: string): Finding[] {
  return path.split('/').flatMap((segment) =>
    segment
      .toLowerCase()
      .split(/[-_.]/)
      .flatMap((word) => {
        const instead = REFUSED_IN_PATHS.get(word);
        return instead === undefined ? [] : [{ path, line: 1, what: `a path with the word ${word}`, instead }];
      }),
  );
}

export function identifierFindings(file: SourceFile): Finding[] {
  if (!isCode(file.path) || isGenerated(file.path)) return [];
  return matchesIn(file.code, IDENTIFIER).flatMap(({ line, text }) =>
    wordsOf(text).flatMap((word) => {
      const instead = REFUSED_IN_IDENTIFIERS.get(word);
      return instead === undefined ? [] : [{ path: file.path, line, what: `the name ${text}`, instead }];
    }),
  );
}

/** Tools read the default export of their configuration; nobody else needs one. */
export function defaultExportFindings(file: SourceFile): Finding[] {
  if (!isCode(file.path) || isGenerated(file.path) || /\.config\.\w+$/.test(file.path)) return [];
  return matchesIn(file.code, /(?<![.\w$])export\s+(?:default\b|\{[^}]*\bas\s+default\b)/g).map(({ line }) => ({
    path: file.path,
    line,
    what: 'a default export',
    instead: 'a named one',
  }));
}

export function testShortcutFindings(file: SourceFile): Finding[] {
  if (!isCode(file.path)) return [];
  return matchesIn(file.code, TEST_SHORTCUT).map(({ line, text }) => ({
    path: file.path,
    line,
    what: text,
    instead: 'run every test, or delete it; skipIf(...) where the machine lacks something',
  }));
}

const DOCUMENT = /(?<![\w/.-])(?:[\w.-]+\/)*[\w-]+\.md\b/g;
const COMMENT_LINE = /^\s*(?:\/\/|\/?\*)|\/\/ /;

/** A comment that sends its reader to a document that is not there. */
export function lostDocumentFindings(file: SourceFile, exists: (path: string) => boolean): Finding[] {
  if (!isCode(file.path)) return [];
  return [...file.text.matchAll(DOCUMENT)].flatMap((match) => {
    const line = lineAt(file.text, match.index);
    if (!COMMENT_LINE.test(file.text.split('\n')[line - 1] ?? '') || exists(match[0])) return [];
    const what = `a comment names ${match[0]}, which is not in the tree`;
    return [{ path: file.path, line, what, instead: 'a document under docs/' }];
  });
}

/** `masterEpoch`, `MASTER_EPOCH` -> master, epoch */
function wordsOf(identifier: string): string[] {
  return identifier
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(/[\s_$]+/)
    .map((word) => word.toLowerCase());
}
