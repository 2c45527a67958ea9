/** Something that happens once, and may be waited for, before or after. */
export class Once {
  #happen: () => void = () => {};
  readonly #happened: Promise<void>;

  constructor() {
    this.#happened = new Promise((resolve) => {
      this.#happen = resolve;
    });
  }

  happen(): void {
    this.#happen();
  }

  async within(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([this.#happened, late]);
    clearTimeout(timer);
  }
}
