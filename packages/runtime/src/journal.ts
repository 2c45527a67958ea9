/**
 * The catalog's memory: an append-only file of events, each a JSON value, whose order is the order of appending.
 * Its promise: what `sync` resolved for is read back by `openJournal` after any crash; what is not whole is cut
 * off if it can only be the end of an interrupted write, and refused otherwise. Nothing is ever overwritten.
 */
import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { JournalError, journalIoError } from './journal-error.ts';
import { encodeHeader, encodeRecord, readRecords } from './journal-format.ts';
import { lockFile, openLocked } from './journal-lock.ts';
import { OpenFile, syncDirectory } from './open-file.ts';

export interface Journal {
  /** Everything appended is durable. */
  readonly isDurable: boolean;
  /** Of the file; 0 of a journal in memory. */
  readonly sizeBytes: number;
  /** Takes the event as it is now. It is durable when a `sync` called later resolves. */
  append(event: unknown): void;
  /**
   * Resolves when everything appended so far is durable.
   * @throws {JournalError} `io`: what is on the disk is not known; this journal accepts nothing more.
   */
  sync(): Promise<void>;
  /** Puts `events` in the place of everything, in one step. Only while everything is durable. */
  rewrite(events: readonly unknown[]): Promise<void>;
  /** Syncs, and lets go of the lock. */
  close(): Promise<void>;
}

export interface OpenedJournal {
  readonly journal: Journal;
  readonly events: unknown[];
  /** Of an interrupted write, cut off from the end: nobody was told that it was durable. */
  readonly cutBytes: number;
}

/**
 * Opens or makes `dataDir/catalog.journal` and locks it until `close` or the end of the process.
 *
 * @throws {JournalError} `held`, `damaged`, `io`.
 */
export async function openJournal(dataDir: string): Promise<OpenedJournal> {
  const { file, path } = await openLocked(dataDir);
  try {
    const bytes = await file.readAll();
    const { events, endBytes } = readRecords(bytes, path);
    const cutBytes = bytes.length - endBytes;
    if (cutBytes > 0) {
      await file.truncate(endBytes);
      await file.dataSync();
    }
    const journal = new FileJournal({ file, path, sizeBytes: endBytes });
    if (endBytes === 0) await journal.begin();
    return { journal, events, cutBytes };
  } catch (error) {
    await file.close();
    throw error instanceof JournalError ? error : journalIoError(path, error);
  }
}

class FileJournal implements Journal {
  readonly #path: string;
  #file: OpenFile;
  #sizeBytes: number;
  /** JSON of each event. */
  #pending: string[] = [];
  #appendedCount = 0;
  #durableCount = 0;
  #writing: Promise<void> | undefined;
  #failure: JournalError | undefined;

  constructor({ file, path, sizeBytes }: { file: OpenFile; path: string; sizeBytes: number }) {
    this.#path = path;
    this.#file = file;
    this.#sizeBytes = sizeBytes;
  }

  get isDurable(): boolean {
    return this.#durableCount === this.#appendedCount;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** A new file: its header, and its name in the directory. */
  async begin(): Promise<void> {
    const header = encodeHeader();
    await this.#file.writeAll(header, 0);
    await this.#file.dataSync();
    await syncDirectory(dirname(this.#path));
    this.#sizeBytes = header.length;
  }

  append(event: unknown): void {
    this.#pending.push(JSON.stringify(event));
    this.#appendedCount += 1;
  }

  async sync(): Promise<void> {
    const target = this.#appendedCount;
    while (this.#durableCount < target) {
      if (this.#failure !== undefined) throw this.#failure;
      this.#writing ??= this.#write();
      await this.#writing;
    }
  }

  /** One record for all that is pending, so that an interrupted write can only be the last record. */
  async #write(): Promise<void> {
    const events = this.#pending;
    this.#pending = [];
    try {
      const record = encodeRecord(events);
      await this.#file.writeAll(record, this.#sizeBytes);
      await this.#file.dataSync();
      this.#sizeBytes += record.length;
      this.#durableCount += events.length;
    } catch (error) {
      // After a failed fsync the kernel may call the same pages clean: to try again would prove nothing.
      this.#failure = journalIoError(this.#path, error);
      throw this.#failure;
    } finally {
      this.#writing = undefined;
    }
  }

  async rewrite(events: readonly unknown[]): Promise<void> {
    if (!this.isDurable) throw new JournalError('io', 'a journal is rewritten only while everything in it is durable');
    try {
      const records = events.map((event) => encodeRecord([JSON.stringify(event)]));
      const bytes = Buffer.concat([encodeHeader(), ...records]);
      const old = this.#file;
      this.#file = await this.#putInPlace(bytes);
      this.#sizeBytes = bytes.length;
      await old.close();
      await syncDirectory(dirname(this.#path));
    } catch (error) {
      throw error instanceof JournalError ? error : journalIoError(this.#path, error);
    }
  }

  async #putInPlace(bytes: Uint8Array): Promise<OpenFile> {
    const newPath = `${this.#path}.new`;
    const file = await OpenFile.open(newPath, 'w+');
    try {
      // Locked under its new name before it has the old one: there is no moment without a lock.
      lockFile(file, this.#path);
      await file.writeAll(bytes, 0);
      await file.sync();
      await rename(newPath, this.#path);
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    try {
      await this.sync();
    } finally {
      await this.#file.close();
    }
  }
}

/** For a catalog without a data directory: forgets when the process ends. */
export function memoryJournal(): Journal {
  return {
    isDurable: true,
    sizeBytes: 0,
    append: () => {},
    sync: () => Promise.resolve(),
    rewrite: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
