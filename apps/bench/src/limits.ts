/** What a figure should be. */
export interface Limits {
  readonly atLeast?: number;
  readonly atMost?: number;
}

export type Verdict = 'met' | 'missed' | 'not measured';

/** Undefined, and what is no number: not measured. */
export function verdictOf(measured: number | undefined, { atLeast, atMost }: Limits): Verdict {
  if (measured === undefined || !Number.isFinite(measured)) return 'not measured';
  return measured >= (atLeast ?? -Infinity) && measured <= (atMost ?? Infinity) ? 'met' : 'missed';
}

/** `at least 1.5 ×` */
export function wantedText({ atLeast, atMost }: Limits, unit: string): string {
  if (atLeast !== undefined) return `at least ${atLeast} ${unit}`;
  return atMost === undefined ? '' : `at most ${atMost} ${unit}`;
}
