/** Ctrl-C, or a polite kill: what was started is ended first. */
export interface Ending {
  /** `isAsked`: somebody wants all of it to be over; else this process ends, of a failure perhaps. */
  add(act: (isAsked: boolean) => void): void;
}

export function endOnSignals(): Ending {
  const acts: ((isAsked: boolean) => void)[] = [];
  const end = (code: number): void => {
    for (const act of acts) act(true);
    process.exit(code);
  };
  process.once('SIGINT', () => end(130));
  process.once('SIGTERM', () => end(143));
  process.once('exit', () => {
    for (const act of acts) act(false);
  });
  return { add: (act) => acts.push(act) };
}
