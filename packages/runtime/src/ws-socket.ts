import type { Duplex } from 'node:stream';
import { LIMITS } from '@ostraca/core';
import { WebSocket } from 'ws';
import type { GridSocket, SocketEvents, Violation } from './platform.ts';

/** The same at both ends. No compression: nothing that a peer says may unfold in our memory. */
export const WS_OPTIONS = {
  maxPayload: LIMITS.frameBytesMax,
  perMessageDeflate: false,
  skipUTF8Validation: true,
} as const;

/** Of the errors of ws that are the peer's doing, all of which have a code WS_ERR_*. */
const VIOLATIONS: Readonly<Record<string, Violation>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'frame_too_large',
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 'frame_too_large',
};

/** An accepted WebSocket; `stream` is the connection it was upgraded on. */
export function acceptedSocket(socket: WebSocket, stream: Duplex): GridSocket {
  return wrap(socket, () => stream);
}

export function dialSocket(url: string): GridSocket {
  let socket: WebSocket;
  try {
    // Between our own processes nobody needs the mask, and a mask of zeros spares ws the pass over every byte.
    socket = new WebSocket(url, { ...WS_OPTIONS, generateMask: (mask) => mask.fill(0) });
  } catch (error) {
    return failedSocket(error instanceof Error ? error.message : String(error));
  }
  let stream: Duplex | undefined;
  socket.once('upgrade', (response) => {
    stream = response.socket;
  });
  return wrap(socket, () => stream);
}

function wrap(socket: WebSocket, streamOf: () => Duplex | undefined): GridSocket {
  let events: SocketEvents | undefined;
  let fault = '';
  let limitBytes: number | undefined;
  let receivedBytes = 0;

  const count = (chunk: Buffer): void => {
    if (limitBytes !== undefined && receivedBytes > limitBytes) {
      limitBytes = undefined;
      events?.onViolation('hello_too_large');
    }
    receivedBytes += chunk.length;
  };
  const drained = (): void => events?.onDrained();
  // Before any other listener, so that an error has somewhere to go also when nobody listens yet.
  socket.on('error', (error: NodeJS.ErrnoException) => {
    // An AggregateError of several addresses has no message of its own.
    fault = error.message || (error.code ?? error.name);
    if (error.code?.startsWith('WS_ERR_')) events?.onViolation(VIOLATIONS[error.code] ?? 'websocket_error');
  });

  return {
    listen(to) {
      events = to;
      socket.on('open', () => to.onOpen());
      socket.on('message', (bytes: Buffer, isBinary: boolean) => {
        if (isBinary) to.onFrame(bytes);
        else to.onViolation('text_frame');
      });
      socket.on('ping', () => to.onAlive());
      socket.on('pong', () => to.onAlive());
      socket.on('close', (code, reason) => to.onClosed(reason.toString() || fault || describeClose(code)));
    },
    send: (bytes) => socket.send(bytes, drained),
    ping: () => socket.ping(),
    close: (code, reason) => socket.close(code, cutToBytes(reason, CLOSE_REASON_BYTES_MAX)),
    terminate: () => socket.terminate(),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    limitIncoming(bytes) {
      const stream = streamOf();
      stream?.removeListener('data', count);
      limitBytes = bytes;
      receivedBytes = 0;
      // A frame's bytes count as they come: ws would gather a whole one, up to maxPayload, before it tells.
      if (bytes !== undefined) stream?.prependListener('data', count);
    },
    get queuedBytes() {
      return socket.bufferedAmount;
    },
  };
}

function failedSocket(reason: string): GridSocket {
  const nothing = (): void => {};
  return {
    listen: (events) => setImmediate(() => events.onClosed(reason)),
    send: nothing,
    ping: nothing,
    close: nothing,
    terminate: nothing,
    pause: nothing,
    resume: nothing,
    limitIncoming: nothing,
    queuedBytes: 0,
  };
}

function describeClose(code: number): string {
  return code === 1006 || code === 1005 ? 'connection lost' : `closed with code ${code}`;
}

/** RFC 6455: a control frame's payload is at most 125 bytes, two of them the code. */
const CLOSE_REASON_BYTES_MAX = 123;

function cutToBytes(text: string, bytesMax: number): string {
  if (Buffer.byteLength(text) <= bytesMax) return text;
  let cut = Buffer.from(text).subarray(0, bytesMax).toString();
  // A character that was cut in two decodes to U+FFFD, which is longer than what is left of it.
  while (Buffer.byteLength(cut) > bytesMax || cut.endsWith('\ufffd')) cut = cut.slice(0, -1);
  return cut;
}
