/** The messages that are encoded and decoded by hand: those that come with every operation or carry many entries. */
import type { WireMessage } from '../hello.ts';
import { APPEND } from './append.ts';
import { CHECKPOINT_CHUNK } from './checkpoint-chunk.ts';
import type { HotCodec } from './hot-codec.ts';
import { READ } from './read.ts';
import { READ_ANSWER } from './read-answer.ts';
import { SCAN_ANSWER } from './scan-answer.ts';
import { VOTE } from './vote.ts';
import { WRITE } from './write.ts';
import { WRITE_ANSWER } from './write-answer.ts';

export const HOT_CODECS: readonly HotCodec[] = [
  widened(READ),
  widened(READ_ANSWER),
  widened(WRITE),
  widened(WRITE_ANSWER),
  widened(APPEND),
  widened(VOTE),
  widened(SCAN_ANSWER),
  widened(CHECKPOINT_CHUNK),
];

/** Each is only ever given messages of its own type. */
function widened<M extends WireMessage>(codec: HotCodec<M>): HotCodec {
  return codec as unknown as HotCodec;
}

export const HOT_BY_TYPE: ReadonlyMap<string, HotCodec> = new Map(HOT_CODECS.map((codec) => [codec.type, codec]));

/** By the number of its field in the envelope. */
export const HOT_BY_NUMBER: readonly (HotCodec | undefined)[] = byNumber();

function byNumber(): (HotCodec | undefined)[] {
  const codecs: (HotCodec | undefined)[] = [];
  for (const codec of HOT_CODECS) {
    while (codecs.length <= codec.number) codecs.push(undefined);
    codecs[codec.number] = codec;
  }
  return codecs;
}
