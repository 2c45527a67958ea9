/** One file of the tree as the rules see it. */
import { blankOut } from './blank-out.ts';

export interface SourceFile {
  /** From the root of the repository, with slashes. */
  readonly path: string;
  readonly text: string;
  /** Of TypeScript and JavaScript: `text` without what comments and literals say, at the same places. */
  readonly code: string;
}

export interface Match {
  /** From 1. */
  readonly line: number;
  readonly text: string;
}

const CODE = /\.(ts|tsx|mts|mjs|js)$/;
const TEST = /\.(test|test-lib)\.ts$/;

export function newSourceFile(path: string, text: string): SourceFile {
  return { path, text, code: isCode(path) ? blankOut(text) : text };
}

export function isCode(path: string): boolean {
  return CODE.test(path);
}

/** Tests, and what only tests import. */
export function isTest(path: string): boolean {
  return TEST.test(path);
}

export function isGenerated(path: string): boolean {
  return path.includes('/generated/');
}

/** Every match of a global pattern, with its line. */
export function matchesIn(code: string, pattern: RegExp): Match[] {
  return [...code.matchAll(pattern)].map((match) => ({ line: lineAt(code, match.index), text: match[0] }));
}

export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < index; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}
