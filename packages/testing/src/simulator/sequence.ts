/** The end of a run as a message-sequence text: who told whom what, and what went wrong in between. */
import { must } from '@ostraca/core';
import type { TraceEvent } from './trace.ts';

/** What only keeps things going. */
const UNINTERESTING: ReadonlySet<string> = new Set([
  'heartbeat',
  'heartbeatAck',
  'leasePing',
  'leaseGrant',
  'freshPoll',
  'freshAck',
  'routing',
]);
/** It asks for everything at the end, when all that matters has happened. */
const CHECKER = 'checker';
const FIELDS_CHARS_MAX = 110;
const TIME_CHARS = 10;
const REPEATS_WITHIN = 30;

/** One line, or undefined for what tells nothing. */
export function sequenceLine({ timeMs, process, what, detail }: TraceEvent): string | undefined {
  const at = `${(timeMs / 1_000).toFixed(4).padStart(9)} `;
  const [kind, from] = what.split(' ');
  if (process === CHECKER || from === CHECKER) return undefined;
  if (kind === '<' && from !== undefined) {
    const { type, ...fields } = detail as { type: string };
    return UNINTERESTING.has(type) ? undefined : `${at} ${from} ── ${type} ──► ${process}  ${fieldsOf(fields)}`;
  }
  if (what === 'open' || what === 'close') return undefined;
  if (process === 'faults') return `${at} ✖ ${what}  ${fieldsOf(detail)}`;
  return `${at} ${process}  ${what.replace(/^note /, '')}  ${fieldsOf(detail)}`;
}

/** Of lines that say the same within a short while, only the first; a grid that moves in a circle says so once. */
export function withoutRepeats(lines: readonly string[]): string[] {
  const kept: string[] = [];
  const last = new Set<string>();
  let repeated = 0;
  const sayRepeated = (): void => {
    if (repeated > 0) kept.push(`           … and ${repeated} more of the same`);
    repeated = 0;
  };
  for (const line of lines) {
    const said = line.slice(TIME_CHARS);
    if (last.has(said)) {
      repeated += 1;
      continue;
    }
    sayRepeated();
    kept.push(line);
    last.add(said);
    if (last.size > REPEATS_WITHIN) last.delete(must(last.values().next().value, 'the oldest line'));
  }
  sayRepeated();
  return kept;
}

function fieldsOf(detail: unknown): string {
  if (detail === undefined || detail === null) return '';
  if (typeof detail !== 'object') return String(detail);
  const shown = Object.entries(detail)
    .filter(([, value]) => value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]) => `${name} ${textOf(value)}`)
    .join(', ');
  return shown.length <= FIELDS_CHARS_MAX ? shown : `${shown.slice(0, FIELDS_CHARS_MAX)}…`;
}

function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} B`;
  if (typeof value === 'string' && value.length > 16) return `${value.slice(0, 6)}…`;
  if (typeof value !== 'object') return String(value);
  return JSON.stringify(value, (_key, item: unknown) => {
    if (item instanceof Uint8Array) return `${item.length} B`;
    return typeof item === 'string' && item.length > 16 ? `${item.slice(0, 6)}…` : item;
  }).replaceAll('"', '');
}
