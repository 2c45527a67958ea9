/** What we use of cli-progress, which brings no types of its own. */
declare module 'cli-progress' {
  export interface BarOptions {
    readonly format: string;
    readonly stream?: NodeJS.WritableStream;
    readonly hideCursor?: boolean;
    readonly clearOnComplete?: boolean;
    readonly barCompleteChar?: string;
    readonly barIncompleteChar?: string;
  }
  export class SingleBar {
    constructor(options: BarOptions);
    start(total: number, startValue: number, payload?: Readonly<Record<string, string | number>>): void;
    update(value: number, payload?: Readonly<Record<string, string | number>>): void;
    stop(): void;
  }
}
