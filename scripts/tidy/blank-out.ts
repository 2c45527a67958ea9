/**
 * Replaces what comments and literals say by spaces, so that a rule about code finds code only. Lengths and line
 * breaks stay, so that a place in the result is the same place in the source; quotes stay too.
 *
 * Whether a `/` divides or opens a regular expression is told by what precedes it: after a value it divides. That
 * misjudges a few legal programs (a block statement followed by a regular expression), none of which a formatter
 * leaves in this tree.
 */
const COMMENT_LINE = /\/\/[^\n]*/y;
const COMMENT_BLOCK = /\/\*[\s\S]*?(?:\*\/|$)/y;
const QUOTED = /'(?:\\[\s\S]|[^'\\\n])*'?|"(?:\\[\s\S]|[^"\\\n])*"?/y;
const REGEXP = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y;
const TEMPLATE_TEXT = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*/y;
const WORD = /[\w$]+/y;
/** After these words a value begins, so a `/` opens a regular expression. */
const BEFORE_VALUE = new Set([
  'return',
  'typeof',
  'case',
  'in',
  'of',
  'void',
  'delete',
  'throw',
  'await',
  'yield',
  'else',
  'do',
]);

export function blankOut(source: string): string {
  let result = '';
  let at = 0;
  /** For each open `${`, how many braces are open within it. */
  const substitutions: number[] = [];
  let afterValue = false;

  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const text = pattern.exec(source)?.[0] ?? '';
    at += text.length;
    return text;
  };
  const templateText = (): void => {
    result += spaces(take(TEMPLATE_TEXT));
    if (source.startsWith('${', at)) {
      substitutions.push(0);
      result += '${';
      at += 2;
      afterValue = false;
    } else {
      result += source.slice(at, at + 1);
      at += 1;
      afterValue = true;
    }
  };

  while (at < source.length) {
    const char = source.charAt(at);
    if (source.startsWith('//', at)) {
      result += spaces(take(COMMENT_LINE));
    } else if (source.startsWith('/*', at)) {
      result += spaces(take(COMMENT_BLOCK));
    } else if (char === "'" || char === '"') {
      const text = take(QUOTED);
      const closed = text.length > 1 && text.endsWith(char);
      result += char + spaces(text.slice(1, closed ? -1 : undefined)) + (closed ? char : '');
      afterValue = true;
    } else if (char === '`') {
      result += char;
      at += 1;
      templateText();
    } else if (char === '/' && !afterValue) {
      const text = take(REGEXP);
      result += text === '' ? char : spaces(text);
      if (text === '') at += 1;
      afterValue = text !== '';
    } else if (/[\w$]/.test(char)) {
      const word = take(WORD);
      result += word;
      afterValue = !BEFORE_VALUE.has(word);
    } else {
      const open = substitutions.length - 1;
      result += char;
      at += 1;
      if (char === '{' && open >= 0) substitutions[open] = (substitutions[open] ?? 0) + 1;
      if (char === '}' && open >= 0) {
        if (substitutions[open] === 0) {
          substitutions.pop();
          templateText();
          continue;
        }
        substitutions[open] = (substitutions[open] ?? 0) - 1;
      }
      if (!/\s/.test(char)) afterValue = char === ')' || char === ']' || char === '}';
    }
  }
  return result;
}

function spaces(text: string): string {
  return text.replace(/[^\n]/g, ' ');
}
