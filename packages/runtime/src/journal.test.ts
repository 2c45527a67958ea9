// Goal: what sync promised is read back after any end, and what is not whole is never taken for what is.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Journal, memoryJournal, openJournal } from './journal.ts';
import { JournalError, type JournalErrorKind } from './journal-error.ts';
import { withDeadline } from './test-peers.test-lib.ts';

let dataDir: string;
let path: string;
const open: Journal[] = [];

beforeEach(async () => {
  dataDir = join(await mkdtemp(join(tmpdir(), 'ostraca-journal-')), 'catalog');
  path = join(dataDir, 'catalog.journal');
});

afterEach(async () => {
  for (const journal of open.splice(0)) await journal.close().catch(() => {});
  await rm(join(dataDir, '..'), { recursive: true });
});

async function openAndKeep() {
  const opened = await openJournal(dataDir);
  open.push(opened.journal);
  return opened;
}

/** Each event synced for itself, so that it is a record of its own. */
async function writeEvents(...events: unknown[]): Promise<number[]> {
  const { journal } = await openJournal(dataDir);
  const ends: number[] = [];
  for (const event of events) {
    journal.append(event);
    await journal.sync();
    ends.push(journal.sizeBytes);
  }
  await journal.close();
  return ends;
}

async function failureOf(promise: Promise<unknown>): Promise<{ kind: JournalErrorKind; message: string }> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(JournalError);
  return error as JournalError;
}

test('events come back in their order', async () => {
  const events = [{ a: 1 }, { text: 'zwölf Ω' }, [1, 2], null, 'x'];
  const first = await openJournal(dataDir);
  expect(first.events).toEqual([]);
  for (const event of events) first.journal.append(event);
  expect(first.journal.isDurable).toBe(false);
  await Promise.all([first.journal.sync(), first.journal.sync()]);
  expect(first.journal.isDurable).toBe(true);
  await first.journal.close();

  const second = await openAndKeep();
  expect(second).toMatchObject({ events, cutBytes: 0 });
  second.journal.append('more');
  await second.journal.sync();
  await second.journal.close();
  expect((await openAndKeep()).events).toEqual([...events, 'more']);
});

test('many appends and syncs at once lose nothing and change no order', async () => {
  const { journal } = await openJournal(dataDir);
  const syncs: Promise<void>[] = [];
  for (let n = 0; n < 500; n++) {
    journal.append(n);
    if (n % 7 === 0) syncs.push(journal.sync());
    if (n % 50 === 0) await null;
  }
  await Promise.all(syncs);
  await journal.close();
  expect((await openAndKeep()).events).toEqual(Array.from({ length: 500 }, (_, n) => n));
});

test('a torn last record is cut off, wherever it was torn, and writing goes on behind the whole ones', async () => {
  const [, second, third] = await writeEvents({ n: 1 }, { n: 2 }, { n: 3, text: 'x'.repeat(50) });
  const whole = await readFile(path);
  for (let size = (second ?? 0) + 1; size < (third ?? 0); size++) {
    await writeFile(path, whole.subarray(0, size));
    const { journal, events, cutBytes } = await openJournal(dataDir);
    expect(events).toEqual([{ n: 1 }, { n: 2 }]);
    expect(cutBytes).toBe(size - (second ?? 0));
    journal.append({ n: 4 });
    await journal.close();
    const again = await openJournal(dataDir);
    expect(again).toMatchObject({ events: [{ n: 1 }, { n: 2 }, { n: 4 }], cutBytes: 0 });
    await again.journal.close();
  }
});

test('a last record that was written in part, with zeros or with a wrong sum, is cut off', async () => {
  const [first, second] = await writeEvents({ n: 1 }, { n: 2 });
  const whole = await readFile(path);
  const zeros = Buffer.concat([whole, Buffer.alloc(4096)]);
  await writeFile(path, zeros);
  const afterZeros = await openJournal(dataDir);
  expect(afterZeros).toMatchObject({ events: [{ n: 1 }, { n: 2 }], cutBytes: 4096 });
  await afterZeros.journal.close();
  expect((await stat(path)).size).toBe(second);

  whole[whole.length - 1] = 0;
  await writeFile(path, whole);
  expect(await openAndKeep()).toMatchObject({ events: [{ n: 1 }], cutBytes: (second ?? 0) - (first ?? 0) });
});

test('a flipped bit before the last record is damage, and the file is left as it is', async () => {
  const [first] = await writeEvents({ n: 1 }, { n: 2, text: 'y'.repeat(20) }, { n: 3 });
  const whole = await readFile(path);
  for (let bit = 0; bit < 8 * ((first ?? 0) + 8 + 30); bit += 5) {
    const bytes = Buffer.from(whole);
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await writeFile(path, bytes);
    const error = await failureOf(openJournal(dataDir));
    expect(error.kind, `bit ${bit}`).toBe('damaged');
    expect(await readFile(path)).toEqual(bytes);
  }
  const bytes = Buffer.from(whole);
  bytes[(first ?? 0) + 10] = 0;
  await writeFile(path, bytes);
  expect((await failureOf(openJournal(dataDir))).message).toContain(`is damaged at byte ${first}`);
});

test('a file that is no journal is not touched', async () => {
  await (await openJournal(dataDir)).journal.close();
  await writeFile(path, 'a shopping list');
  expect(await failureOf(openJournal(dataDir))).toMatchObject({ kind: 'damaged' });
  expect(await readFile(path, 'utf8')).toBe('a shopping list');
});

test('a header whose maker died over it is made again', async () => {
  await writeEvents();
  await truncate(path, 5);
  const { journal, events, cutBytes } = await openJournal(dataDir);
  expect({ events, cutBytes }).toEqual({ events: [], cutBytes: 5 });
  journal.append(1);
  await journal.close();
  expect((await openAndKeep()).events).toEqual([1]);
});

test('a directory has one holder at a time', async () => {
  const { journal } = await openJournal(dataDir);
  const error = await failureOf(openJournal(dataDir));
  expect(error).toMatchObject({ kind: 'held', message: `data directory ${dataDir} is held by another catalog` });
  await journal.close();
  await openAndKeep();
});

test('the lock does not depend on anybody remembering the journal', async () => {
  const holder = await startHolder('globalThis.gc(); setImmediate(() => globalThis.gc());');
  expect(await failureOf(openJournal(dataDir))).toMatchObject({ kind: 'held' });
  holder.kill('SIGKILL');
  await withDeadline('the holder is gone', once(holder, 'exit'));
});

test('another process holds it until it is killed', async () => {
  const holder = await startHolder();
  expect(await failureOf(openJournal(dataDir))).toMatchObject({ kind: 'held' });
  holder.kill('SIGKILL');
  await withDeadline('the holder is gone', once(holder, 'exit'));
  expect((await openAndKeep()).events).toEqual(['by the holder']);
});

test('a rewrite puts the new events in the place of the old ones, under an unbroken lock', async () => {
  const { journal } = await openAndKeep();
  for (let n = 0; n < 1_000; n++) journal.append({ n, text: 'z'.repeat(100) });
  await journal.sync();
  const before = journal.sizeBytes;
  await journal.rewrite([{ all: 1_000 }, { and: 'more' }]);
  expect(journal.sizeBytes).toBeLessThan(before / 10);
  expect((await stat(path)).size).toBe(journal.sizeBytes);
  expect(await failureOf(openJournal(dataDir))).toMatchObject({ kind: 'held' });
  journal.append('after');
  await journal.close();
  expect((await openAndKeep()).events).toEqual([{ all: 1_000 }, { and: 'more' }, 'after']);
});

test('competitors for a journal that is rewritten all the time never hold it together', async () => {
  const { journal } = await openAndKeep();
  let stop = false;
  const competitors = [1, 2, 3].map(async () => {
    let held = 0;
    while (!stop) {
      expect(await failureOf(openJournal(dataDir))).toMatchObject({ kind: 'held' });
      held += 1;
    }
    return held;
  });
  for (let n = 0; n < 30; n++) await journal.rewrite([n]);
  stop = true;
  for (const held of await Promise.all(competitors)) expect(held).toBeGreaterThan(0);
});

test('where a directory cannot be made or written, one clear error', async () => {
  const occupied = join(dataDir, '..', 'file');
  await writeFile(occupied, '');
  expect(await failureOf(openJournal(occupied))).toMatchObject({ kind: 'io' });
  const nowhere = join(dataDir, '..', 'nowhere');
  await symlink('/nonexistent/directory', nowhere);
  expect(await failureOf(openJournal(join(nowhere, 'below')))).toMatchObject({ kind: 'io' });
});

test('a write that fails is final', async () => {
  const { journal } = await openJournal(dataDir);
  // To write into a closed file fails as a full disk does: at the write.
  await journal.close();
  journal.append(1);
  expect(await failureOf(journal.sync())).toMatchObject({ kind: 'io' });
  journal.append(2);
  expect(await failureOf(journal.sync())).toMatchObject({ kind: 'io' });
  expect(journal.isDurable).toBe(false);
});

test('a journal in memory is always durable', async () => {
  const journal = memoryJournal();
  journal.append(1);
  await journal.sync();
  expect(journal.isDurable).toBe(true);
});

/** A process of its own that opens the journal, writes one event, does `more`, and stays. */
async function startHolder(more = ''): Promise<ChildProcess> {
  const source = `
    const { openJournal } = await import(${JSON.stringify(new URL('./journal.ts', import.meta.url).href)});
    let { journal } = await openJournal(${JSON.stringify(dataDir)});
    journal.append('by the holder');
    await journal.sync();
    journal = undefined;
    ${more}
    setTimeout(() => process.stdout.write('held'), 50);
    setInterval(() => {}, 1000);`;
  // Whatever runs the tests: Node.js 24 imports TypeScript as it stands.
  const node24 = join(dirname(createRequire(import.meta.url).resolve('node24/package.json')), 'bin', 'node');
  const holder = spawn(node24, ['--expose-gc', '--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await withDeadline('the holder', once(holder.stdout, 'data'));
  return holder;
}
