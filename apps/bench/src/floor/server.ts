/**
 * The floor's server, as a program: what Node.js can do on this machine when a server does next to nothing. No
 * catalog, no epochs, no log: the limit to chase. With `--replica` it sends every frame with writes on to that one,
 * and answers it when the replica has acknowledged.
 */
import { parseArgs } from 'node:util';
import { WebSocket, WebSocketServer } from 'ws';
import {
  ANSWER_HEADER_BYTES,
  FRAME_BYTES_MAX,
  FrameWriter,
  GET_HEADER_BYTES,
  KIND,
  REPLICA_PATH,
  SET_HEADER_BYTES,
  STATUS,
} from './frames.ts';
import { FloorStore } from './store.ts';

const SOCKET_OPTIONS = { perMessageDeflate: false, skipUTF8Validation: true, maxPayload: FRAME_BYTES_MAX };

interface Held {
  readonly socket: WebSocket;
  readonly answers: readonly Buffer[];
}

const store = new FloorStore();
const { values: options } = parseArgs({ options: { replica: { type: 'string' } } });
await serve(options.replica === undefined ? undefined : await replicateTo(options.replica));

/** Reads the requests where they are, and copies each value once. */
function answerTo(frame: Buffer, send: (answers: Buffer) => void): void {
  const writer = new FrameWriter(send);
  for (let at = 0; at < frame.length; ) {
    const keyBytes = frame[at + 1] as number;
    const idAt = at + 2;
    let status: number = STATUS.stored;
    let valueBytes = 0;
    if (frame[at] === KIND.get) {
      const key = at + GET_HEADER_BYTES;
      at = key + keyBytes;
      status = store.find(frame, key, at) ? STATUS.found : STATUS.absent;
      if (status === STATUS.found) valueBytes = store.valueBytes;
    } else {
      const key = at + SET_HEADER_BYTES;
      at = key + keyBytes + frame.readUInt32LE(at + 6);
      store.put(frame, key, { to: key + keyBytes, end: at });
    }
    const to = writer.reserve(ANSWER_HEADER_BYTES + valueBytes);
    const { bytes } = writer;
    bytes[to] = status;
    for (let index = 0; index < 4; index++) bytes[to + 1 + index] = frame[idAt + index] as number;
    bytes.writeUInt32LE(valueBytes, to + 5);
    if (valueBytes > 0) store.segment.copy(bytes, to + ANSWER_HEADER_BYTES, store.valueAt, store.valueAt + valueBytes);
  }
  writer.flush();
}

/** Returns what takes a frame of writes. Acknowledgements are counts, and frames are acknowledged in their order. */
async function replicateTo(url: string): Promise<(frame: Buffer, held: Held) => void> {
  const generateMask = (mask: Buffer): void => void mask.fill(0);
  const replica = new WebSocket(url + REPLICA_PATH, { ...SOCKET_OPTIONS, generateMask });
  await new Promise<void>((resolve, reject) => {
    replica.once('open', resolve);
    replica.once('error', reject);
  });
  let held: Held[] = [];
  let done = 0;
  replica.on('message', (message) => {
    const end = done + (message as Buffer).readUInt32LE(0);
    for (; done < end; done++) {
      const { socket, answers } = held[done] as Held;
      for (const answer of answers) socket.send(answer);
    }
    if (done < 1_024) return;
    held = held.slice(done);
    done = 0;
  });
  return (frame, one) => {
    held.push(one);
    replica.send(frame);
  };
}

async function serve(replicate: ((frame: Buffer, held: Held) => void) | undefined): Promise<void> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...SOCKET_OPTIONS });
  server.on('connection', (socket, request) => {
    if (request.url === REPLICA_PATH) {
      holdFor(socket);
      return;
    }
    socket.on('message', (message) => {
      const frame = message as Buffer;
      if (replicate === undefined || frame[0] === KIND.get) {
        answerTo(frame, (answers) => socket.send(answers));
        return;
      }
      const answers: Buffer[] = [];
      replicate(frame, { socket, answers });
      answerTo(frame, (frameOfAnswers) => answers.push(frameOfAnswers));
    });
  });
  await new Promise<void>((resolve) => server.once('listening', () => resolve()));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  process.on('disconnect', () => process.exit(0));
  process.stdout.write(`floor ready ws://127.0.0.1:${address.port}\n`);
}

/** A replica acknowledges once a turn. */
function holdFor(primary: WebSocket): void {
  let heldCount = 0;
  const acknowledge = (): void => {
    const acknowledgement = Buffer.allocUnsafe(4);
    acknowledgement.writeUInt32LE(heldCount, 0);
    heldCount = 0;
    primary.send(acknowledgement);
  };
  primary.on('message', (frame) => {
    answerTo(frame as Buffer, () => {});
    if (heldCount === 0) setImmediate(acknowledge);
    heldCount += 1;
  });
}
