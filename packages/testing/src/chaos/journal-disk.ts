/** A small file system under the catalog's journal, that can be filled to the last byte. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const SIZE = '16m';

export class JournalDisk {
  readonly #folder: string;
  readonly #filler: string;
  #isMounted = true;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#filler = join(folder, 'filler');
  }

  /** A reason, in words, where the system does not let us. */
  static mount(folder: string): JournalDisk | string {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs Linux and root';
    const { status, error, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', folder], {
      encoding: 'utf8',
    });
    if (status === 0) return new JournalDisk(folder);
    return `no tmpfs can be mounted: ${error?.message ?? stderr.trim()}`;
  }

  fill(): void {
    const file = openSync(this.#filler, 'w');
    try {
      for (let size = 1024 * 1024; size >= 1; size = size >> 1) this.#fillBy(file, Buffer.alloc(size));
    } finally {
      closeSync(file);
    }
  }

  #fillBy(file: number, bytes: Buffer): void {
    try {
      for (;;) if (writeSync(file, bytes) < bytes.length) return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }

  makeRoom(): void {
    rmSync(this.#filler, { force: true });
  }

  /** Lazily: a process that has just been killed may hold it for a moment. */
  unmount(): void {
    if (!this.#isMounted) return;
    this.#isMounted = false;
    spawnSync('umount', ['-l', this.#folder]);
  }
}
