import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from '@jest/globals';
import { childrenOf, float, readVarInt, signed } from '#daemon/audio/containers/ebml.js';
import { clip, decodeAll, scratch } from './fixtures.js';

const files = scratch();
afterAll(files.remove);

test('parses EBML numbers: variable length, unknown, signed, float', () => {
  expect(readVarInt(Uint8Array.of(0x82), 0)).toEqual({ value: 2, length: 1 });
  expect(readVarInt(Uint8Array.of(0x40, 0x7f), 0)).toEqual({ value: 127, length: 2 });
  expect(readVarInt(Uint8Array.of(0x01, 255, 255, 255, 255, 255, 255, 255), 0)).toEqual({
    value: undefined,
    length: 8,
  });
  expect(readVarInt(Uint8Array.of(0x40), 0)).toBeUndefined();
  expect(readVarInt(Uint8Array.of(0), 0)).toBeUndefined();
  expect([signed(Uint8Array.of(0xff, 0x38)), signed(Uint8Array.of(0x12))]).toEqual([-200, 18]);
  expect(float(Uint8Array.of(0x47, 0x3b, 0x80, 0))).toBe(48000);
});

test('stops at a child that does not fit', () => {
  const bytes = Uint8Array.of(0xae, 0x81, 7, 0xd7, 0x85, 1);
  expect([...childrenOf(bytes)]).toEqual([{ id: 0xae, data: Uint8Array.of(7) }]);
});

/** An element with its size in four bytes. */
function element(id: string, ...content: Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(0x10000000 + body.length);
  return Buffer.concat([Buffer.from(id, 'hex'), size, body]);
}

/** A file with one track of 8-bit PCM at 16 kHz and a cluster for each block, with open sizes, as recorders write them. */
function matroska(
  blocks: Uint8Array[],
  extra: { codec?: string; type?: number; encodings?: Buffer } = {},
): Buffer {
  const rate = Buffer.alloc(4);
  rate.writeFloatBE(16000);
  const audio = element(
    'e1',
    element('b5', rate),
    element('9f', Uint8Array.of(1)),
    element('6264', Uint8Array.of(8)),
  );
  const track = element(
    'ae',
    element('d7', Uint8Array.of(1)),
    element('83', Uint8Array.of(extra.type ?? 2)),
    element('86', Buffer.from(extra.codec ?? 'A_PCM/INT/LIT')),
    audio,
    extra.encodings ?? Buffer.alloc(0),
  );
  const open = Buffer.from('01ffffffffffffff', 'hex');
  return Buffer.concat([
    element('1a45dfa3', element('4282', Buffer.from('matroska'))),
    Buffer.from('18538067', 'hex'),
    open,
    element('1654ae6b', track),
    ...blocks.flatMap((block) => [
      Buffer.from('1f43b675', 'hex'),
      open,
      element('e7', Uint8Array.of(0)),
      block,
    ]),
  ]);
}

/** A simple block of track 1; the flags select the lacing. */
function block(body: number[], flags = 0): Buffer {
  return element('a3', Uint8Array.of(0x81, 0, 0, flags, ...body));
}

async function samplesOf(bytes: Uint8Array): Promise<number[]> {
  const { samples } = await decodeAll(files.write('made.mkv', bytes));
  return [...samples].map((sample) => sample * 128 + 128);
}

describe('Matroska', () => {
  test('reads consecutive clusters of open size', async () => {
    expect(await samplesOf(matroska([block([1, 2]), block([3])]))).toEqual([1, 2, 3]);
  });

  test.each([
    ['Xiph', 0x02, [2, 1, 2, 10, 20, 21, 30, 31, 32]],
    ['fixed', 0x04, [2, 10, 20, 21, 30, 31, 32]],
    ['EBML', 0x06, [2, 0x81, 0xc0, 10, 20, 21, 30, 31, 32]],
  ])('decodes %s lacing', async (_name, flags, body) => {
    const tail = [10, 20, 21, 30, 31, 32];
    expect(await samplesOf(matroska([block(body, flags)]))).toEqual(tail);
  });

  test('restores stripped headers', async () => {
    const encodings = (algorithm: number) =>
      element(
        '6d80',
        element(
          '6240',
          element('5034', element('4254', Uint8Array.of(algorithm)), element('4255', Uint8Array.of(99))),
        ),
      );
    expect(await samplesOf(matroska([block([1]), block([2])], { encodings: encodings(3) }))).toEqual([
      99, 1, 99, 2,
    ]);
  });

  test('ignores blocks of other tracks and unknown elements', async () => {
    const other = element('a3', Uint8Array.of(0x82, 0, 0, 0, 7));
    const unknown = element('ec', new Uint8Array(300));
    expect(await samplesOf(matroska([other, unknown, block([5])]))).toEqual([5]);
  });

  test('skips from damage to the next cluster', async () => {
    const damage = Buffer.concat([block([1]), Buffer.alloc(40), block([2])]);
    expect(await samplesOf(matroska([damage, block([3])]))).toEqual([1, 3]);
  });

  test('refuses video without audio', async () => {
    const path = files.write('silent.mkv', matroska([block([1])], { type: 1, codec: 'V_VP9' }));
    await expect(decodeAll(path)).rejects.toMatchObject({
      code: 'AUDIO_UNSUPPORTED',
      message: expect.stringContaining('no audio track'),
    });
  });

  test('ends at invalid bytes', async () => {
    const bytes = Buffer.concat([readFileSync(clip('stereo-opus.webm')), Buffer.alloc(3000, 0x55)]);
    const { samples, error } = await decodeAll(files.write('tail.webm', bytes));
    expect(error).toBeUndefined();
    expect(samples.length).toBe(17600);
  });
});
