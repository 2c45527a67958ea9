/** Quantities as people write them: a number and its unit, nothing else. */

const DURATION_UNITS_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const BYTES_UNITS = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 } as const;

/** Milliseconds of `500ms`, `30s`, `10m`, `2h`, `1d`; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  return parseQuantity(text, DURATION_UNITS_MS);
}

/** Bytes of `512B`, `64KiB`, `256MiB`, `2GiB`; undefined when it is none. */
export function parseBytes(text: string): number | undefined {
  return parseQuantity(text, BYTES_UNITS);
}

function parseQuantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([A-Za-z]+)$/.exec(text);
  const factor = match?.[2] === undefined || !Object.hasOwn(units, match[2]) ? undefined : units[match[2]];
  if (match === null || factor === undefined) return undefined;
  const value = Number(match[1]) * factor;
  return Number.isSafeInteger(value) && value > 0 ? value : undefined;
}
