import { describe, expect, it } from 'vitest';
import { sequenceLine, withoutRepeats } from './sequence.ts';

describe('message-sequence text', () => {
  it('says who told whom what', () => {
    const detail = {
      type: 'vote',
      partition: 2,
      ackLsn: 7,
      key: new Uint8Array(3),
      names: [],
      id: '0123456789abcdef0',
    };
    expect(sequenceLine({ timeMs: 1_500, process: 'c1', what: '< c2', detail })).toBe(
      '   1.5000  c2 ── vote ──► c1  partition 2, ackLsn 7, key 3 B, id 012345…',
    );
    const crash = { atMs: 3, kind: 'crash', targets: ['c1'], links: [] };
    expect(sequenceLine({ timeMs: 0, process: 'faults', what: 'crash', detail: crash })).toContain(
      '✖ crash  atMs 3, kind crash, targets [c1]',
    );
    expect(sequenceLine({ timeMs: 0, process: 'c1', what: 'note promoted', detail: { epoch: 2 } })).toContain(
      'c1  promoted  epoch 2',
    );
  });

  it('leaves out what only keeps things going', () => {
    expect(sequenceLine({ timeMs: 0, process: 'c1', what: '< c2', detail: { type: 'heartbeat' } })).toBeUndefined();
    expect(sequenceLine({ timeMs: 0, process: 'c1', what: 'open', detail: '1 c2' })).toBeUndefined();
    expect(sequenceLine({ timeMs: 0, process: 'c1', what: '< checker', detail: { type: 'read' } })).toBeUndefined();
  });

  it('says once what goes round in a circle', () => {
    const lines = [1, 2, 3, 4, 5].map((time) => `   ${time}.0000  c1 ── ${time % 2 === 0 ? 'vote' : 'nack'} ──► c2`);
    expect(withoutRepeats([...lines, '   6.0000  c1 ── append ──► c2'])).toEqual([
      lines[0],
      lines[1],
      '           … and 3 more of the same',
      '   6.0000  c1 ── append ──► c2',
    ]);
  });
});
