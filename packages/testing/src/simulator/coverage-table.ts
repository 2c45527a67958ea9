/** What a campaign came to, for people: the cells with their counts, and a verdict on those that are empty. */

import type { CoverageCounts } from './coverage.ts';
import { allCells, CARRIERS, codeCell, ERROR_CODE_NAMES, roleCell } from './coverage-cells.ts';
import { eventsOf, type ReceiverKind, ROLES } from './roles.ts';

/** Why cells are empty. `rare`: some seeds come to it, and a campaign may be too small to have one of them. */
export interface Reason {
  readonly cells: readonly string[];
  readonly kind: 'never' | 'rare';
  readonly why: string;
}

export interface Verdict {
  /** Empty, and nobody says why. */
  readonly unexplained: readonly string[];
  /** Of cells that are said never to be reached, those that were. */
  readonly untrue: readonly string[];
  /** Counted, but in no table: a reason or an event that is new. */
  readonly unlisted: readonly string[];
}

export function judgeCoverage(counts: CoverageCounts, reasons: readonly Reason[]): Verdict {
  const cells = allCells();
  const known = new Set(cells);
  const never = new Set(reasons.filter(({ kind }) => kind === 'never').flatMap((reason) => reason.cells));
  const explained = new Set(reasons.flatMap((reason) => reason.cells));
  const isEmpty = (cell: string): boolean => (counts[cell] ?? 0) === 0;
  return {
    unexplained: cells.filter((cell) => isEmpty(cell) && !explained.has(cell)),
    untrue: [...never].filter((cell) => !isEmpty(cell)),
    unlisted: Object.keys(counts)
      .filter((cell) => !known.has(cell))
      .sort(),
  };
}

export function isComplete({ unexplained, untrue, unlisted }: Verdict): boolean {
  return unexplained.length + untrue.length + unlisted.length === 0;
}

export function describeVerdict(verdict: Verdict): string[] {
  const listed = (title: string, cells: readonly string[]): string[] =>
    cells.length === 0 ? [] : [title, ...cells.map((cell) => `  ${cell}`)];
  return [
    ...listed('empty cells without a written reason:', verdict.unexplained),
    ...listed('reasons that are not true, for the cell is not empty:', verdict.untrue),
    ...listed('counted, but in no table:', verdict.unlisted),
  ];
}

/** `reasons` number the cells that are empty. */
export function describeCoverage(counts: CoverageCounts, reasons: readonly Reason[]): string[] {
  const numbers = new Map<string, number>();
  reasons.forEach(({ cells }, index) => {
    for (const cell of cells) numbers.set(cell, index + 1);
  });
  const show = (cell: string): string => {
    const count = counts[cell] ?? 0;
    if (count > 0) return String(count);
    const number = numbers.get(cell);
    return number === undefined ? '?' : `(${number})`;
  };
  const kinds = Object.keys(ROLES) as ReceiverKind[];
  const used = new Set(allCells().filter((cell) => (counts[cell] ?? 0) === 0));
  return [
    ...kinds.flatMap((kind) => [...roleTable(kind, show), '']),
    ...grid(
      ['code', ...CARRIERS],
      ERROR_CODE_NAMES.map((code) => [code, ...CARRIERS.map((carrier) => show(codeCell(carrier, code)))]),
    ),
    ...['nack', 'reason', 'fault', 'note', 'sometimes'].flatMap((section) => ['', ...list(section, show)]),
    '',
    'why cells are empty:',
    ...reasons.flatMap(({ cells, kind, why }, index) =>
      cells.some((cell) => used.has(cell)) ? [`(${index + 1}) ${kind}: ${why}`] : [],
    ),
  ];
}

function roleTable(kind: ReceiverKind, show: (cell: string) => string): string[] {
  const roles = ROLES[kind];
  const rows = eventsOf(kind).map((event) => [event, ...roles.map((role) => show(roleCell(role, event)))]);
  return grid([`given to a ${kind}`, ...roles], rows);
}

function list(section: string, show: (cell: string) => string): string[] {
  const cells = allCells().filter((cell) => cell.startsWith(`${section}: `));
  return grid(
    [section, 'count'],
    cells.map((cell) => [cell.slice(section.length + 2), show(cell)]),
  );
}

/** The first column to the left, counts to the right. */
function grid(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    row
      .map((text, column) => (column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0)))
      .join('  ');
  return [line(head), ...rows.map(line)];
}
