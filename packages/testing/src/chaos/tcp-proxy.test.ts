// Goal: each fault of the network does to a connection what it says, and nothing else.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { encodeFrame } from '@ostraca/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePort } from './grid-processes.ts';
import { HelloListener } from './hello-listener.ts';
import { TcpProxy } from './tcp-proxy.ts';
import { Way, type WayFault } from './way.ts';

let server: Server;
let port: number;
let proxy: TcpProxy;
let there: Way;
let back: Way;
const accepted: Socket[] = [];
const opened: Socket[] = [];

/** Sends everything back. */
beforeEach(async () => {
  server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes) => socket.write(bytes));
    socket.on('end', () => socket.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
  there = new Way('a', 'b');
  back = new Way('b', 'a');
  proxy = new TcpProxy({
    target: 'b',
    targetPort: () => port,
    wayOf: (from) => (from === 'a' ? there : back),
    source: 'a',
    nameOf: () => 'a',
    random: () => 0,
  });
  await proxy.open();
});

afterEach(async () => {
  proxy.close();
  for (const socket of [...accepted.splice(0), ...opened.splice(0)]) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

async function open(): Promise<Echo> {
  const echo = new Echo(proxy.port);
  opened.push(echo.socket);
  await once(echo.socket, 'connect');
  return echo;
}

/** A connection through the proxy, and what has come back on it. */
class Echo {
  readonly socket: Socket;
  text = '';
  isReset = false;
  #onChange: () => void = () => {};

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('data', (bytes) => {
      this.text += String(bytes);
      this.#onChange();
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.isReset = true;
      this.#onChange();
    });
  }

  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      await new Promise<void>((resolve) => {
        this.#onChange = resolve;
      });
    }
  }

  async echoes(text: string): Promise<void> {
    this.socket.write(text);
    await this.until(() => this.text.endsWith(text));
  }
}

/** For what must not happen there is no event to wait for. */
async function aWhile(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 100));
}

function on(fault: WayFault): () => void {
  there.add(fault);
  back.add(fault);
  return () => {
    there.delete(fault);
    back.delete(fault);
  };
}

describe('a proxy', () => {
  test('passes bytes in order, and the end of each side by itself', async () => {
    const echo = await open();
    await echo.echoes('one');
    const long = 'x'.repeat(3_000_000);
    await echo.echoes(`${long}!`);
    expect(echo.text).toBe(`one${long}!`);
    echo.socket.end();
    await once(echo.socket, 'close');
    expect(proxy.connectionCount).toBe(0);
  });

  test('resets the caller when the target is not there', async () => {
    port = await freePort();
    const echo = new Echo(proxy.port);
    opened.push(echo.socket);
    await echo.until(() => echo.isReset);
  });

  test('delay: later, in order', async () => {
    const echo = await open();
    on({ delayMs: 60 });
    const startMs = performance.now();
    echo.socket.write('1');
    await echo.echoes('2');
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(110);
    expect(echo.text).toBe('12');
  });

  test('throttle: as many bytes a second', async () => {
    const echo = await open();
    there.add({ bytesPerSecond: 10_000 });
    const startMs = performance.now();
    await echo.echoes('x'.repeat(2_000));
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(190);
  });

  test('hold: nothing passes, then all of it does', async () => {
    const echo = await open();
    await echo.echoes('before');
    const lift = on({ flow: 'hold' });
    echo.socket.write('during');
    await aWhile();
    expect(echo.text).toBe('before');
    lift();
    await echo.until(() => echo.text === 'beforeduring');
    expect(echo.isReset).toBe(false);
  });

  test('swallow: nobody is told, and a connection that lost bytes is reset in the end', async () => {
    const torn = await open();
    const idle = await open();
    await torn.echoes('1');
    await idle.echoes('1');
    const lift = on({ flow: 'swallow' });
    torn.socket.write('lost');
    await aWhile();
    expect([torn.text, torn.isReset]).toEqual(['1', false]);
    lift();
    await torn.until(() => torn.isReset);
    await idle.echoes('2');
    expect(idle.text).toBe('12');
  });

  test('half open: one direction goes on', async () => {
    const echo = await open();
    await echo.echoes('1');
    there.add({ flow: 'swallow' });
    echo.socket.write('lost');
    accepted[0]?.write('still here');
    await echo.until(() => echo.text === '1still here');
  });

  test('the end of a peer behind a silent way is not told', async () => {
    const echo = await open();
    await echo.echoes('1');
    const lift = on({ flow: 'swallow' });
    accepted[0]?.resetAndDestroy();
    await aWhile();
    expect(echo.isReset).toBe(false);
    lift();
    await echo.until(() => echo.isReset);
  });

  test('cut: open connections are reset, and new ones; afterwards all is well', async () => {
    const echo = await open();
    await echo.echoes('1');
    const lift = on({ cut: true });
    await echo.until(() => echo.isReset);
    const second = new Echo(proxy.port);
    opened.push(second.socket);
    await second.until(() => second.isReset);
    expect(proxy.connectionCount).toBe(0);
    lift();
    await (await open()).echoes('again');
  });

  test('refuse: open connections stay, new ones are refused, as often as it was said', async () => {
    const echo = await open();
    proxy.refuse();
    proxy.refuse();
    await proxy.admit();
    await echo.echoes('1');
    await expect(open()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await proxy.admit();
    await (await open()).echoes('2');
  });

  test('of two faults on a way the worse counts, until both are over', () => {
    const slow = { delayMs: 5 };
    const slower = { delayMs: 50, flow: 'hold' } as const;
    there.add(slow);
    there.add(slower);
    expect(there.conditions).toMatchObject({ delayMs: 50, flow: 'hold' });
    there.delete(slower);
    expect(there.conditions).toMatchObject({ delayMs: 5, flow: 'pass' });
    there.delete(slow);
    expect(there.conditions).toMatchObject({ delayMs: 0, flow: 'pass', cut: false });
  });
});

describe('a hello', () => {
  const hello = {
    type: 'hello',
    protocolMin: 1,
    protocolMax: 1,
    role: 'container',
    name: 'c1',
    incarnation: '0'.repeat(32),
    program: 'ostraca',
  } as const;

  function bytesOf(payload: Uint8Array, mask: number): Buffer {
    const head = Buffer.from('GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n');
    const frame = Buffer.from([
      0x82,
      0x80 | payload.length,
      mask,
      mask,
      mask,
      mask,
      ...payload.map((byte) => byte ^ mask),
    ]);
    return Buffer.concat([head, frame]);
  }

  test.each([0, 0x5a])('is heard byte by byte, masked with %i', (mask) => {
    const listener = new HelloListener();
    const bytes = bytesOf(encodeFrame([hello]), mask);
    const heard = [...bytes].map((byte) => listener.listen(Buffer.from([byte])));
    expect(heard.filter((one) => one !== undefined)).toEqual([hello]);
    expect(heard.at(-1)).toEqual(hello);
  });

  test('is not heard in what is none', () => {
    const listener = new HelloListener();
    expect(listener.listen(bytesOf(Uint8Array.of(1, 2, 3), 0))).toBeUndefined();
    expect(listener.listen(bytesOf(encodeFrame([hello]), 0))).toBeUndefined();
  });
});
