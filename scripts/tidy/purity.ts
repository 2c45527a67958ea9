/** `core` cannot touch the world: what it must not name, and what it is handed instead. */
import type { Finding } from './finding.ts';
import { isTest, matchesIn, type SourceFile } from './source-file.ts';

interface Ban {
  readonly pattern: RegExp;
  readonly instead: string;
}

const CLOCK = 'the nowMs of the turn';
const TIMER = 'a deadline that onTick compares with nowMs';
const RANDOM = 'the seeded Random that was handed in';
const NOTE = 'effects.note(...)';

/** A name by itself, not a property or a part of a longer name. */
function global(name: string): RegExp {
  return new RegExp(`(?<![.\\w$])(?:globalThis\\s*\\.\\s*)?${name}(?![\\w$])(?!\\s*[:?]\\s)`, 'g');
}

const BANS: readonly Ban[] = [
  { pattern: global('Date'), instead: CLOCK },
  { pattern: global('performance'), instead: CLOCK },
  { pattern: /(?<![.\w$])Math\s*\.\s*random\b/g, instead: RANDOM },
  { pattern: global('crypto'), instead: RANDOM },
  { pattern: global('(?:set|clear)(?:Timeout|Interval|Immediate)'), instead: TIMER },
  { pattern: global('queueMicrotask'), instead: 'an entry in a table that the next turn looks at' },
  {
    pattern: /(?<![.\w$])Promise\s*\.\s*race\b/g,
    instead: 'a record in a table that can be listed, timed out and counted',
  },
  { pattern: global('console'), instead: NOTE },
  { pattern: /(?<![.\w$])process\s*(?:\?\.|\.|\[)/g, instead: 'an argument: core runs in browsers too' },
  { pattern: global('Buffer'), instead: 'Uint8Array: core runs in browsers too' },
  { pattern: global('(?:fetch|WebSocket)(?=\\s*\\()'), instead: 'effects.dial and effects.send' },
];

export function purityFindings(file: SourceFile): Finding[] {
  if (!file.path.startsWith('packages/core/src/') || isTest(file.path)) return [];
  return BANS.flatMap(({ pattern, instead }) =>
    matchesIn(file.code, pattern).map(({ line, text }) => ({
      path: file.path,
      line,
      what: `core names ${text.trim().replace(/\s*(?:\?\.|\.|\[)$/, '')}`,
      instead,
    })),
  );
}
