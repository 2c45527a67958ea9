/**
 * An open file by its bare descriptor. A FileHandle would be closed when it is garbage, and with it would go the
 * lock that the journal holds on it; a number stays open until `close` or the end of the process.
 */
import { close, fdatasync, fstat, fsync, ftruncate, open, read, type Stats, write } from 'node:fs';
import { promisify } from 'node:util';

const closeFd = promisify(close);
const dataSyncFd = promisify(fdatasync);
const openFd = promisify(open);
const readFd = promisify(read);
const statFd: (fd: number) => Promise<Stats> = promisify(fstat);
const syncFd = promisify(fsync);
const truncateFd = promisify(ftruncate);
const writeFd = promisify(write);

export class OpenFile {
  readonly fd: number;
  #closed = false;

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** `flags` as of open(2) in Node.js: `r+`, `wx+`. Only the owner may read what it makes. */
  static async open(path: string, flags: string): Promise<OpenFile> {
    return new OpenFile(await openFd(path, flags, 0o600));
  }

  stat(): Promise<Stats> {
    return statFd(this.#openFd());
  }

  async readAll(): Promise<Buffer> {
    const { size } = await this.stat();
    const bytes = Buffer.alloc(size);
    let done = 0;
    while (done < size) {
      const { bytesRead } = await readFd(this.#openFd(), bytes, done, size - done, done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes.subarray(0, done);
  }

  /** A write may take less than it was given, for example when the disk fills up. */
  async writeAll(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await writeFd(this.#openFd(), bytes, done, bytes.length - done, position + done);
      done += bytesWritten;
    }
  }

  truncate(size: number): Promise<void> {
    return truncateFd(this.#openFd(), size);
  }

  dataSync(): Promise<void> {
    return dataSyncFd(this.#openFd());
  }

  sync(): Promise<void> {
    return syncFd(this.#openFd());
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await closeFd(this.fd);
  }

  /** The system gives the number of a closed file to the next one that is opened: it must not be used again. */
  #openFd(): number {
    if (this.#closed) throw new Error('the file is closed');
    return this.fd;
  }
}

/** A file's name is durable once its directory is. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await OpenFile.open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
