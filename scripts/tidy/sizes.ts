/** How long files are: a report of the long ones, a finding for those that are too long. */
import type { Finding } from './finding.ts';
import { isCode, isGenerated, type SourceFile } from './source-file.ts';

export const LONG_LINES = 400;
export const TOO_LONG_LINES = 600;

export interface FileSize {
  readonly path: string;
  readonly lines: number;
}

/** Longest first; generated code is nobody's to cut. */
export function longFiles(files: readonly SourceFile[]): FileSize[] {
  return files
    .filter(({ path }) => isCode(path) && !isGenerated(path))
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0) }))
    .filter(({ lines }) => lines > LONG_LINES)
    .sort((a, b) => b.lines - a.lines);
}

export function sizeFindings(files: readonly SourceFile[]): Finding[] {
  return longFiles(files)
    .filter(({ lines }) => lines > TOO_LONG_LINES)
    .map(({ path, lines }) => ({
      path,
      line: TOO_LONG_LINES,
      what: `${lines} lines`,
      instead: `a file is one noun, about 150 lines, never over ${TOO_LONG_LINES}: give the second noun its own file`,
    }));
}
