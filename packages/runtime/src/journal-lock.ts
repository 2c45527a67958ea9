/**
 * One catalog per data directory, by a lock of the kernel: it is there as long as the process that holds it, however
 * that ends, and leaves nothing behind. Node.js has no call for it, but the lock of flock(2) belongs to the open
 * file description: the program `flock` takes it on the descriptor that it inherits from us, exits, and we go on
 * holding it by ours.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { JournalError, journalIoError } from './journal-error.ts';
import { OpenFile } from './open-file.ts';

const JOURNAL_FILE = 'catalog.journal';

export interface LockedFile {
  readonly file: OpenFile;
  readonly path: string;
}

export async function openLocked(dataDir: string): Promise<LockedFile> {
  const path = join(dataDir, JOURNAL_FILE);
  try {
    await makeDirectory(dataDir);
    for (;;) {
      // Neither truncated nor in append mode: positions are ours.
      const file = await OpenFile.open(path, 'r+').catch(openNew(path));
      const isIt = await lockAndLook(file, path).catch(async (error: unknown) => {
        await file.close();
        throw error;
      });
      if (isIt) return { file, path };
      await file.close();
    }
  } catch (error) {
    throw error instanceof JournalError ? error : journalIoError(path, error);
  }
}

/**
 * With its parents. The `recursive` of Node.js tries for ever where a directory is there in which none can be made
 * and the system says ENOENT: below a link to nowhere, or in /proc.
 */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const parent = dirname(path);
    if (code === 'ENOENT' && parent !== path) {
      await makeDirectory(parent);
      await mkdir(path, { mode: 0o700 }).catch(unlessDirectory(path));
    } else await unlessDirectory(path)(error);
  }
}

function unlessDirectory(path: string): (error: unknown) => Promise<void> {
  return async (error) => {
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory() !== true) throw error;
  };
}

/** Two that make it at once both end up with the same file: the second starts over. */
function openNew(path: string): (error: NodeJS.ErrnoException) => Promise<OpenFile> {
  return async (error) => {
    if (error.code !== 'ENOENT') throw error;
    return OpenFile.open(path, 'wx+').catch((taken: NodeJS.ErrnoException) => {
      if (taken.code !== 'EEXIST') throw taken;
      return OpenFile.open(path, 'r+');
    });
  };
}

/** False: the holder has put another file in its place between our opening and our lock. */
async function lockAndLook(file: OpenFile, path: string): Promise<boolean> {
  lockFile(file, path);
  const [ours, theirs] = await Promise.all([file.stat(), stat(path).catch(() => undefined)]);
  return theirs !== undefined && theirs.ino === ours.ino && theirs.dev === ours.dev;
}

/** @throws {JournalError} `held`, or `io` where there is no flock(1). */
export function lockFile(file: OpenFile, path: string): void {
  const { error, status, stderr } = spawnSync('flock', ['-n', '3'], { stdio: ['ignore', 'ignore', 'pipe', file.fd] });
  if (error !== undefined) {
    const missing = 'code' in error && error.code === 'ENOENT';
    const what = missing ? 'the program flock (of util-linux) is not installed' : `flock: ${error.message}`;
    throw new JournalError('io', `cannot lock journal ${path}: ${what}`, error);
  }
  if (status === 0) return;
  const said = stderr.toString().trim();
  if (said === '') throw new JournalError('held', `data directory ${dirname(path)} is held by another catalog`);
  throw new JournalError('io', `cannot lock journal ${path}: ${said}`);
}
