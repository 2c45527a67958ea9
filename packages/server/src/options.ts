/** What callers hand to `startCatalog` and `startContainer`: nothing of it is ignored. */
import { GridError } from '@ostraca/core';

/** Of containers; 128 characters are LIMITS.nameCharsMax. */
export const NAME_PATTERN = /^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}$/;

export interface OptionNames {
  readonly known: readonly string[];
  /** Their part is not built yet. */
  readonly later: readonly string[];
}

/** @throws {@link GridError} `invalid_argument`, naming the option. */
export function checkKnown(options: object, { known, later }: OptionNames): void {
  for (const [option, value] of Object.entries(options)) {
    if (known.includes(option) || value === undefined) continue;
    checkArgument(
      option,
      false,
      later.includes(option) ? 'not supported yet' : `unknown, expected ${known.join(', ')}`,
    );
  }
}

/** @throws {@link GridError} `invalid_argument` unless `isValid`. */
export function checkArgument(argument: string, isValid: boolean, reason: string): void {
  if (!isValid) throw new GridError('invalid_argument', { details: { argument, reason } });
}
