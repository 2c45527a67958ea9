// Goal: who gets through the door, who does not, and what the operator reads when the door cannot be opened.
import { type IncomingHttpHeaders, request } from 'node:http';
import { hostname } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { isHostAllowed, isLoopback } from './admission.ts';
import { ListenError } from './listen-error.ts';
import { type Listener, listen } from './listener.ts';
import { withDeadline } from './test-peers.test-lib.ts';

const onHttp: Parameters<typeof listen>[0]['onHttp'] = (incoming, response) => {
  if (incoming.url === '/throws') throw new Error('a bug');
  response.end('here');
};

let listener: Listener;
beforeEach(async () => {
  listener = await listen({ host: '127.0.0.1', port: 0, onHttp, allowOrigins: ['http://console.test'] });
  listener.onConnection(({ socket }) => socket.on('error', () => {}));
});
afterEach(() => listener.close());

function get(path: string, headers: IncomingHttpHeaders = {}): Promise<{ status: number | undefined; body: string }> {
  return withDeadline(
    path,
    new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port: listener.port, path, headers }, (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode, body }));
      });
      sent.on('error', reject);
      sent.end();
    }),
  );
}

/** Undefined: it opened. Otherwise what it was told. */
function upgrade(path: string, headers: Record<string, string> = {}): Promise<string | undefined> {
  const socket = new WebSocket(`ws://127.0.0.1:${listener.port}${path}`, { headers });
  return withDeadline(
    'an upgrade',
    new Promise((resolve) => {
      socket.on('open', () => {
        socket.terminate();
        resolve(undefined);
      });
      socket.on('error', (error) => resolve(error.message));
    }),
  );
}

test('a program gets in, by /grid and by /', async () => {
  expect(await upgrade('/grid')).toBeUndefined();
  expect(await upgrade('/')).toBeUndefined();
  expect(await upgrade('/grid?x=1')).toBeUndefined();
  expect(await upgrade('/elsewhere')).toContain('404');
  expect(await get('/livez')).toEqual({ status: 200, body: 'here' });
  expect(listener.refused()).toEqual({ path: 1 });
});

test('the Origin of a browser page is refused unless it is allowed', async () => {
  expect(await upgrade('/grid', { origin: 'http://evil.test' })).toContain('403');
  expect(await upgrade('/grid', { origin: 'null' })).toContain('403');
  expect(await upgrade('/grid', { origin: 'http://console.test' })).toBeUndefined();
  expect(listener.refused()).toEqual({ origin: 2 });
});

test('a Host that is not ours is refused, on HTTP and on an upgrade', async () => {
  expect(await get('/metrics', { host: 'evil.test' })).toEqual({ status: 403, body: 'Host not allowed\n' });
  expect(await get('/metrics', { host: `localhost:${listener.port}` })).toMatchObject({ status: 200 });
  expect(await upgrade('/grid', { host: `evil.test:${listener.port}` })).toContain('403');
  expect(listener.refused()).toEqual({ host: 2 });
});

test('an error of the handler is a 500 and ends nothing', async () => {
  expect(await get('/throws')).toMatchObject({ status: 500 });
  expect(await get('/')).toMatchObject({ status: 200 });
});

test('before a host is attached an upgrade is answered 503', async () => {
  const early = await listen({ host: '127.0.0.1', port: 0, onHttp });
  const socket = new WebSocket(early.url);
  const message = await new Promise((resolve) => socket.on('error', (error) => resolve(error.message)));
  expect(message).toContain('503');
  await early.close();
});

test('closing ends what came in', async () => {
  const socket = new WebSocket(listener.url);
  await new Promise((resolve) => socket.once('open', resolve));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await listener.close();
  await withDeadline('the end', closed);
});

describe('a door that cannot be opened', () => {
  const failure = async (host: string, port: number): Promise<string> => {
    const error = await listen({ host, port, onHttp }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(ListenError);
    return (error as ListenError).message;
  };

  test('the port is taken', async () => {
    expect(await failure('127.0.0.1', listener.port)).toBe(`port ${listener.port} on 127.0.0.1 is taken`);
  });

  test('off the loopback it takes a word', async () => {
    expect(await failure('0.0.0.0', 0)).toContain('--insecure');
    expect(await failure('::', 0)).toContain('--insecure');
    const open = await listen({ host: '0.0.0.0', port: 0, onHttp, insecure: true });
    await open.close();
  });
});

describe('names', () => {
  test.each([
    ['127.0.0.1', true],
    ['127.8.9.1', true],
    ['localhost', true],
    ['::1', true],
    ['[::1]', true],
    ['0.0.0.0', false],
    ['127.evil.test', false],
    ['10.0.0.1', false],
    ['::', false],
  ])('isLoopback(%s) is %s', (host, expected) => {
    expect(isLoopback(host)).toBe(expected);
  });

  const local = { host: '127.0.0.1', advertisedHosts: ['grid.example'], allowOrigins: [] };
  const wide = { ...local, host: '0.0.0.0' };
  test.each([
    ['localhost:7400', local, true],
    ['[::1]:7400', local, true],
    ['GRID.example:80', local, true],
    ['10.0.0.7:7400', local, false],
    ['10.0.0.7:7400', wide, true],
    [hostname(), wide, true],
    ['evil.test', wide, false],
    ['', local, false],
    [undefined, local, false],
    ['localhost:1:2', local, false],
  ])('Host %s to %o: %s', (header, options, expected) => {
    expect(isHostAllowed(header, options)).toBe(expected);
  });
});
