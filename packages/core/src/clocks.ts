/** Clocks beside the monotonic one that comes with every turn. Input, like every other fact from outside. */
export interface Clocks {
  /** Milliseconds since 1970 by the machine's calendar clock, which may be set at any time. */
  wallMs(): number;
  /** Milliseconds since the machine started, with the time that it slept; may move in steps of 10 ms. */
  bootMs(): number;
}
