/** What differs between two policies, a line for each path, for a person who must find out why a catalog refuses. */
const LINES_MAX = 20;

export function policyDifference(journal: unknown, now: unknown): string[] {
  const lines: string[] = [];
  compare('', journal, now, lines);
  return lines.length <= LINES_MAX ? lines : [...lines.slice(0, LINES_MAX), `and ${lines.length - LINES_MAX} more`];
}

function compare(path: string, a: unknown, b: unknown, lines: string[]): void {
  if (isObject(a) && isObject(b)) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      compare(Array.isArray(a) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`, a[key], b[key], lines);
    }
    return;
  }
  if (a !== b) lines.push(`${path}: ${show(a)} in the journal, ${show(b)} in the policy`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
