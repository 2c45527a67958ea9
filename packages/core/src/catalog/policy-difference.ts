/** What differs between two policies, a line for each path, for a person who must find out why a catalog refuses. */
const LINES_MAX = 20;

/** `where` says where the first one stands. */
export function policyDifference(before: unknown, now: unknown, where = 'in the journal'): string[] {
  const lines: string[] = [];
  compare('', before, now, (path, a, b) => lines.push(`${path}: ${show(a)} ${where}, ${show(b)} in the policy`));
  return lines.length <= LINES_MAX ? lines : [...lines.slice(0, LINES_MAX), `and ${lines.length - LINES_MAX} more`];
}

type Tell = (path: string, a: unknown, b: unknown) => void;

function compare(path: string, a: unknown, b: unknown, tell: Tell): void {
  if (isObject(a) && isObject(b)) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      compare(Array.isArray(a) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`, a[key], b[key], tell);
    }
    return;
  }
  if (a !== b) tell(path, a, b);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
