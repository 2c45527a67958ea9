/** A table as Markdown that lines up for the eye as well. Numbers, and what begins like one, stand at the right. */
export function markdownTable(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...lines.map((line) => (line[column] ?? '').length)),
  );
  const isNumeric = head.map((_, column) => lines.every((line) => /^([-\d<].*)?$/.test(line[column] ?? '')));
  const row = (cells: readonly string[]): string => {
    const padded = widths.map((width, column) => {
      const text = cells[column] ?? '';
      return isNumeric[column] ? text.padStart(width) : text.padEnd(width);
    });
    return `| ${padded.join(' | ')} |`;
  };
  const rule = widths.map((width, column) => (isNumeric[column] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  return [row(head), row(rule), ...lines.map(row)].join('\n');
}

/** Three digits that mean something: `1.23 M`, `123 k`, `1.23`. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const [scaled, unit] =
    Math.abs(value) >= 1e6 ? [value / 1e6, ' M'] : Math.abs(value) >= 1e3 ? [value / 1e3, ' k'] : [value, ''];
  const digits = Math.abs(scaled) >= 100 ? 0 : Math.abs(scaled) >= 10 ? 1 : 2;
  return scaled.toFixed(digits) + unit;
}

export function percent(share: number): string {
  return Number.isFinite(share) ? `${Math.round(share * 100)} %` : '-';
}
