import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GridError } from '@ostraca/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf } from './exit-code.ts';
import { isKey, parseKey } from './key-text.ts';
import { run } from './program.ts';
import { openRecords } from './records.ts';
import type { Terminal } from './terminal.ts';
import { ranges } from './views.ts';

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function ostraca(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  let out = '';
  let err = '';
  const terminal: Terminal = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    outIsTerminal: false,
    errIsTerminal: false,
    env,
    drained: () => Promise.resolve(),
  };
  return { code: await run(args, terminal), out, err };
}

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ostraca-cli-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

/** An address at which nobody listens, as somebody did until now. */
async function nobody(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `ws://127.0.0.1:${port}`;
}

describe('wrong usage is exit code 2 and one line', () => {
  test.each([
    ['no such command', ['nonsense'], /unknown command 'nonsense'/],
    ['no such option', ['map', 'get', 'g', 'm', 'k', '--colour'], /unknown option '--colour'/],
    ['a missing argument', ['map', 'set', 'g', 'm', 'k'], /missing required argument 'value'/],
    ['one argument too many', ['map', 'get', 'g', 'm', 'k', 'x'], /too many arguments/],
    ['a value that is not JSON', ['map', 'set', 'g', 'm', 'k', 'hello'], /VALUE: expected JSON, got hello/],
    [
      'a key that is no number',
      ['map', 'get', 'g', 'm', 'k', '--key-type', 'number'],
      /KEY: expected a number, got "k"/,
    ],
    ['a key that is no JSON', ['map', 'get', 'g', 'm', 'k', '--key-type', 'json'], /KEY: expected JSON/],
    ['a key that can be none', ['map', 'get', 'g', 'm', '{"a":1}', '--key-type', 'json'], /KEY: expected a text/],
    [
      'an unknown key type',
      ['map', 'get', 'g', 'm', 'k', '--key-type', 'date'],
      /Allowed choices are string, number, json/,
    ],
    ['an address that is none', ['map', 'size', 'g', 'm', '--catalog', 'localhost'], /expected ws:\/\/HOST:PORT/],
    ['a listener that is none', ['catalog', '--policy', 'p', '--listen', '7400'], /expected HOST:PORT/],
    ['a name that is none', ['container', '--name', 'a b'], /expected letters, digits/],
    ['no containers', ['dev', '--containers', '0'], /whole number from 1/],
    ['no policy', ['catalog'], /required option '--policy <file>'/],
    [
      'a policy that is not there',
      ['catalog', '--policy', '/nonexistent'],
      /policy: \/nonexistent: cannot be read \(ENOENT\)/,
    ],
    [
      'a file that is not there',
      ['load', 'g', 'm', '/nonexistent', '--key', 'id'],
      /\/nonexistent: cannot be read \(ENOENT\)/,
    ],
    ['a size that is none', ['container', '--memory', '2GB'], /expected a size of at least 16MiB with its unit/],
    ['not yet: --etcd', ['catalog', '--policy', 'p', '--etcd', 'http://e'], /--etcd: not supported yet/],
    ['not yet: policy apply', ['policy', 'apply', 'p'], /policy apply: not supported yet/],
    ['not yet: policy diff', ['policy', 'diff', 'p'], /policy diff: not supported yet/],
    ['not yet: placement', ['placement', 'drain', 'c1', '--now'], /placement drain: not supported yet/],
  ])('%s', async (_what, args, says) => {
    const { code, out, err } = await ostraca(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(says);
    expect(err.trim().split('\n')).toHaveLength(1);
    expect(err).toMatch(/^ostraca: /);
  });

  test('an address in OSTRACA_CATALOG that is none', async () => {
    const ran = await ostraca(['map', 'size', 'g', 'm'], { OSTRACA_CATALOG: 'localhost' });
    const err = 'ostraca: OSTRACA_CATALOG: expected ws://HOST:PORT, got "localhost".\n';
    expect(ran).toEqual({ code: 2, out: '', err });
  });

  test('fewer containers than the policy waits for', async () => {
    const policy = file('two.json', '{"grids":[{"name":"g","mapSets":[{"name":"s","maps":[{"name":"m"}]}]}]}');
    const { code, err } = await ostraca(['dev', '--policy', policy, '--containers', '1']);
    expect({ code, err }).toEqual({
      code: 2,
      err: expect.stringMatching(/waits for 2 containers: say --containers 2\n$/),
    });
  });
});

describe('policy check', () => {
  test('a good one', async () => {
    const path = file('good.yaml', 'grids: [{ name: g, mapSets: [{ name: s, maps: [{ name: m }] }] }]');
    expect(await ostraca(['policy', 'check', path])).toMatchObject({ code: 0, out: expect.stringContaining('ok') });
    expect(JSON.parse((await ostraca(['policy', 'check', path, '--json'])).out)).toEqual({ ok: true, errors: [] });
  });

  test('a bad one: exit 1, a line for each finding; a catalog by it: exit 2', async () => {
    const path = file(
      'bad.yaml',
      'grids: [{ name: g, mapSets: [{ name: s, minSyncReplicas: 2, maxSyncReplicas: 1, maps: [{ name: m, x: 1 }] }] }]',
    );
    const finding = 'grids[0].mapSets[0].maps[0].x: unknown key';
    const { code, out, err } = await ostraca(['policy', 'check', path]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain(`ostraca: ${finding}`);
    const asJson = await ostraca(['policy', 'check', path, '--json']);
    expect(asJson.code).toBe(1);
    expect(JSON.parse(asJson.out)).toMatchObject({ ok: false, errors: [expect.stringContaining(finding)] });
    expect(await ostraca(['catalog', '--policy', path])).toMatchObject({
      code: 2,
      err: expect.stringContaining(finding),
    });
  });
});

describe('nobody there is exit code 3', () => {
  test.each([
    ['map get', ['map', 'get', 'g', 'm', 'k']],
    ['show', ['show', 'containers']],
    ['verify', ['verify', 'g']],
    ['dump', ['dump', 'g', 'm']],
  ])('%s', async (_what, args) => {
    const { code, out, err } = await ostraca([...args, '--timeout', '0.5'], { OSTRACA_CATALOG: await nobody() });
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(err).toMatch(/^ostraca: no catalog can be reached: ws:\/\/127\.0\.0\.1:\d+: .*refused/i);
  });
});

test('help is an answer', async () => {
  for (const args of [
    ['--help'],
    ['map', '--help'],
    ['map', 'get', '--help'],
    ['dev', '--help'],
    ['show', 'maps', '--help'],
  ]) {
    const { code, out, err } = await ostraca(args);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^Usage: ostraca/);
  }
  expect(await ostraca(['--version'])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

test.each([
  ['key_not_found', 1],
  ['duplicate_key', 1],
  ['incompatible_policy', 2],
  ['unavailable', 3],
  ['timeout', 3],
  ['version_conflict', 4],
  ['undefined_grid', 4],
  ['name_in_use', 4],
  ['protocol_version', 4],
] as const)('exit code of %s', (code, exitCode) => {
  const failure = failureOf(new GridError(code));
  expect(failure.exitCode).toBe(exitCode);
  expect(failure.lines[0]).toContain(code);
});

test('keys as they are typed', () => {
  expect(parseKey('1', 'string')).toBe('1');
  expect(parseKey('-1.5', 'number')).toBe(-1.5);
  expect(parseKey('["a", {"$bigint": "2"}, true]', 'json')).toEqual(['a', 2n, true]);
  expect(parseKey('{"$bytes": "AQI="}', 'json')).toEqual(new Uint8Array([1, 2]));
  expect([isKey(['a', [1]]), isKey(null), isKey([undefined]), isKey({})]).toEqual([true, false, false, false]);
});

describe('records of a file', () => {
  async function all(path: string): Promise<unknown[]> {
    const records = [];
    for await (const each of (await openRecords(path)).records) records.push(each);
    return records;
  }

  test('NDJSON', async () => {
    const path = file('a.ndjson', '{"id":1,"at":{"$date":"2024-01-01T00:00:00.000Z"}}\n\n{"id":"2"}\r\n');
    expect(await all(path)).toEqual([
      { record: { id: 1, at: new Date('2024-01-01') }, line: 1 },
      { record: { id: '2' }, line: 3 },
    ]);
  });

  test('CSV', async () => {
    const path = file('a.csv', '\ufeffid,name\n1,"a, ""b"""\n2,c\n');
    expect(await all(path)).toEqual([
      { record: { id: '1', name: 'a, "b"' }, line: 2 },
      { record: { id: '2', name: 'c' }, line: 3 },
    ]);
  });

  test('what is none names its line', async () => {
    await expect(all(file('b.ndjson', '{"id":1}\n[1]\n'))).rejects.toThrow(/b\.ndjson:2: expected a JSON object/);
    await expect(all(file('c.ndjson', '{"id":\n'))).rejects.toThrow(/c\.ndjson:1: expected one JSON object a line/);
    await expect(all(file('b.csv', 'id,name\n1\n'))).rejects.toThrow(/b\.csv: /);
  });
});

test('ranges of partitions', () => {
  expect(ranges([])).toBe('-');
  expect(ranges([9, 0, 1, 2, 7, 10])).toBe('0-2 7 9-10');
});
