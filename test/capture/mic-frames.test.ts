import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FrameReader, type MicFrame } from '#daemon/capture/microphone/mic-frames.js';

const frames = fc.array(
  fc.oneof(
    fc.int16Array({ maxLength: 300 }).map((samples): MicFrame => ({ kind: 'audio', samples })),
    fc.string({ unit: 'grapheme', maxLength: 40 }).map((json): MicFrame => ({ kind: 'event', json })),
  ),
  { maxLength: 12 },
);

function bytesOf(frame: MicFrame): Buffer {
  const content =
    frame.kind === 'audio'
      ? Buffer.from(frame.samples.buffer, frame.samples.byteOffset, frame.samples.byteLength)
      : Buffer.from(frame.json);
  const head = Buffer.alloc(5);
  head.write(frame.kind === 'audio' ? 'A' : 'E', 'latin1');
  head.writeUInt32LE(content.length, 1);
  return Buffer.concat([head, content]);
}

describe('the frames of sotto-mic', () => {
  test('are read as they were written, however the bytes are split', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(400)), (written, cuts) => {
        const bytes = Buffer.concat(written.map(bytesOf));
        const reader = new FrameReader();
        const read: MicFrame[] = [];
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          read.push(...reader.read(bytes.subarray(at, at + cut)));
          at = Math.min(bytes.length, at + cut);
        }
        expect(read).toEqual(written);
      }),
    );
  });

  test.each([
    ['of an unknown kind', Buffer.from('X\x02\x00\x00\x00ab')],
    ['too long', Buffer.from('A\x00\x00\x00\x7f')],
    ['with half a sample', Buffer.from('A\x03\x00\x00\x00abc')],
  ])('%s are refused with a code, after those before them', (_, bytes) => {
    const reader = new FrameReader();
    const good = bytesOf({ kind: 'event', json: '{}' });
    const reading = reader.read(Buffer.concat([good, bytes]));
    expect(reading.next().value).toEqual({ kind: 'event', json: '{}' });
    expect(() => reading.next()).toThrow(expect.objectContaining({ code: 'MIC_UNAVAILABLE' }));
  });
});
