/** What a rule of the house found, and what to write instead. */
export interface Finding {
  /** From the root of the repository, with slashes. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly what: string;
  readonly instead: string;
}

export function describeFinding(finding: Finding): string {
  return `${finding.path}:${finding.line}: ${finding.what}; instead: ${finding.instead}`;
}
