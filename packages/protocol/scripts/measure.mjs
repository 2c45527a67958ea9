// Nanoseconds per message, by hand and by the walk over the schema, in one run:
//   node packages/protocol/scripts/measure.mjs [--batch 1]
// Messages are encoded into frames of `batch` (default 32) and decoded from them, as one turn does.

import protobuf from 'protobufjs/minimal.js';
import { decodeFrame, encodeFrames } from '../dist/codec.js';
import { decodeFields, readTag, readVarint } from '../dist/decode.js';
import { encodeFields } from '../dist/encode.js';
import { ENVELOPE } from '../dist/message-plan.js';

const batchAt = process.argv.indexOf('--batch');
const batch = batchAt < 0 ? 32 : Number(process.argv[batchAt + 1]);
const ROUND_MS = 120;
const ROUNDS = 5;

const key = new Uint8Array(13).fill(7);
const value = new Uint8Array(100).fill(9);
const request = { partition: 7, epoch: 3, map: 1, ttlMs: 10_000 };
const shard = { partition: 7, epoch: 3, shardInc: 2 };
const operation = { kind: 'set', key, value, ifEpoch: 0, ifLsn: 0, ttlMs: 0, expireAtMs: 0 };

function record(number) {
  const client = { clientId: '0123456789abcdef0123456789abcdef', seq: 80_000 + number, ackedBelow: 79_000 + number };
  const outcome = {
    decidedUpTo: 1_000_000 + number,
    aborted: [],
    clockMs: 0,
    ceilingMs: 0,
    digestLsn: 0,
    stateDigest: 0,
  };
  return { lsn: 1_000_020 + number, epoch: 3, kind: 'write', ...client, map: 1, operations: [operation], ...outcome };
}

function append(count) {
  const records = Array.from({ length: count }, (_, number) => record(number));
  return { type: 'append', ...shard, prevEpoch: 3, prevLsn: 1_000_019, records, decidedHint: 1_000_000 };
}

const entry = { found: true, value, epoch: 3, lsn: 1_000_000, expireAtMs: 0 };
const mode = { mode: 'linearizable', maxStalenessMs: 0, minLsn: 0, minClockMs: 0 };
const chunkEntry = { map: 1, key, value, epoch: 3, lsn: 1_000_000, ttlMs: 0, expireAtMs: 0 };
const scanEntry = { key, value, epoch: 3, lsn: 1_000_000 };
const MESSAGES = {
  read: { type: 'read', id: 80_000, ...request, keys: [key], withoutValues: false, ...mode },
  readAnswer: { type: 'readAnswer', id: 80_000, entries: [entry], lsn: 1_000_000, clockMs: 0 },
  write: {
    type: 'write',
    id: 80_000,
    ...request,
    seq: 80_000,
    ackedBelow: 79_000,
    attempt: 1,
    operations: [operation],
  },
  writeAnswer: { type: 'writeAnswer', id: 80_000, epoch: 3, lsn: 1_000_000, applied: true },
  'append of 1': append(1),
  'append of 32': append(32),
  vote: { type: 'vote', ...shard, ackLsn: 1_000_000, refused: [], appliedLsn: 999_000, version: 4 },
  'checkpointChunk of 500': {
    ...{ type: 'checkpointChunk', ...shard, entries: new Array(500).fill(chunkEntry) },
    ...{ sessions: [], removed: [], endedSessions: [] },
  },
  'scanAnswer of 100': {
    type: 'scanAnswer',
    id: 80_000,
    entries: new Array(100).fill(scanEntry),
    done: false,
    lastHash: 7,
  },
};

function walkEncode(messages) {
  const writer = protobuf.Writer.create();
  for (const message of messages) {
    const { number, plan } = ENVELOPE.byType.get(message.type);
    writer.uint32(10).fork();
    writer.uint32((number << 3) | 2).fork();
    encodeFields(plan, message, writer);
    writer.ldelim().ldelim();
  }
  return writer.finish();
}

function walkDecode(bytes) {
  const reader = new protobuf.Reader(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const messages = [];
  while (reader.pos < reader.len) {
    readTag(reader);
    readVarint(reader);
    const plan = ENVELOPE.byNumber.get(readTag(reader) >>> 3);
    messages.push(decodeFields(plan, reader, readVarint(reader) + reader.pos));
  }
  return messages;
}

let sink = 0;

/** The best of some rounds: what disturbs a round only makes it longer. */
function nanosPerCall(act) {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    let calls = 0;
    while (performance.now() - start < ROUND_MS) {
      for (let index = 0; index < 20; index++) sink += act().length;
      calls += 20;
    }
    best = Math.min(best, ((performance.now() - start) * 1e6) / calls);
  }
  return best;
}

console.log(`Node.js ${process.version}, ${batch} messages in a frame, ns per message: by hand, walk, ratio`);
for (let warm = 0; warm < 2; warm++) {
  for (const [name, message] of Object.entries(MESSAGES)) {
    const messages = new Array(name.includes(' of ') ? 1 : batch).fill(message);
    const frame = walkEncode(messages);
    const [bytes] = encodeFrames(messages);
    if (Buffer.compare(frame, bytes) !== 0) throw new Error(`${name}: other bytes`);
    const figures = [
      [() => encodeFrames(messages), () => walkEncode(messages)],
      [() => decodeFrame(frame), () => walkDecode(frame)],
    ].map((acts) => acts.map((act) => nanosPerCall(act) / messages.length));
    if (warm === 0) continue;
    const [encode, decode] = figures.map(
      ([hand, walk]) =>
        `${hand.toFixed(0).padStart(7)} ${walk.toFixed(0).padStart(7)} ${(walk / hand).toFixed(1).padStart(5)}`,
    );
    console.log(`${name.padEnd(24)} encode ${encode}   decode ${decode}   ${frame.length / messages.length} bytes`);
  }
}
if (sink === 0) console.log('nothing was done');
