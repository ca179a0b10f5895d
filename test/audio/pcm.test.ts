import { afterAll, describe, expect, test } from '@jest/globals';
import { decodeAll, pcm16, riffChunk, scratch, wav } from './fixtures.js';

const files = scratch();
afterAll(files.remove);

/** A ramp through the whole range, with values that 8 bits can represent exactly. */
const RAMP = Float32Array.from({ length: 256 }, (_, n) => (n - 128) / 128);

type Write = (bytes: Buffer, sample: number, at: number) => unknown;
const INT: Record<number, [Write, Write]> = {
  8: [(b, s, at) => b.writeUInt8(s * 128 + 128, at), (b, s, at) => b.writeInt8(s * 128, at)],
  16: [(b, s, at) => b.writeInt16LE(s * 2 ** 15, at), (b, s, at) => b.writeInt16BE(s * 2 ** 15, at)],
  24: [(b, s, at) => b.writeIntLE(s * 2 ** 23, at, 3), (b, s, at) => b.writeIntBE(s * 2 ** 23, at, 3)],
  32: [(b, s, at) => b.writeInt32LE(s * 2 ** 31, at), (b, s, at) => b.writeInt32BE(s * 2 ** 31, at)],
};

function bytesOf(samples: Float32Array, bits: number, write: Write | undefined): Buffer {
  const bytes = Buffer.alloc((samples.length * bits) / 8);
  samples.forEach((sample, i) => write?.(bytes, sample, (i * bits) / 8));
  return bytes;
}

describe('WAV', () => {
  test.each([8, 16, 24, 32])('decodes %i-bit integers exactly', async (bits) => {
    const path = files.write(`int${bits}.wav`, wav(bytesOf(RAMP, bits, INT[bits]?.[0]), { bits }));
    const { samples, codec } = await decodeAll(path);
    expect(samples).toEqual(RAMP);
    expect(codec).toBe(bits === 8 ? 'pcm_u8' : `pcm_s${bits}le`);
  });

  test.each([
    [32, (b: Buffer, s: number, at: number) => b.writeFloatLE(s, at)],
    [64, (b: Buffer, s: number, at: number) => b.writeDoubleLE(s, at)],
  ] as const)('decodes %i-bit floats exactly', async (bits, write) => {
    const path = files.write(`float${bits}.wav`, wav(bytesOf(RAMP, bits, write), { bits, tag: 3 }));
    expect((await decodeAll(path)).samples).toEqual(RAMP);
  });

  test('replaces NaN and infinity with silence and clips louder samples', async () => {
    const values = Float32Array.of(NaN, Infinity, -Infinity, 7, -1e30, 0.25);
    const path = files.write('wild.wav', wav(new Uint8Array(values.buffer), { bits: 32, tag: 3 }));
    expect([...(await decodeAll(path)).samples]).toEqual([0, 0, 0, 1, -1, 0.25]);
  });

  test.each([
    // ITU-T G.711: silence, the loudest code words, and one in between.
    ['A-law', 6, [0xd5, 0x55, 0xaa, 0x2a, 0x80], [8, -8, 32256, -32256, 5504]],
    ['µ-law', 7, [0xff, 0x7f, 0x80, 0x00, 0xb0], [0, 0, 32124, -32124, 3900]],
  ] as const)('decodes %s as in the standard', async (_name, tag, codes, expected) => {
    const path = files.write(`${tag}.wav`, wav(Uint8Array.from(codes), { bits: 8, tag }));
    const { samples } = await decodeAll(path);
    expect([...samples].map((sample) => sample * 32768 + 0)).toEqual(expected);
  });

  test('reads extensible headers, RF64 and chunks before the data', async () => {
    const data = bytesOf(RAMP, 24, INT[24]?.[0]);
    const list = riffChunk('LIST', Buffer.from('INFOISFT\x05\0\0\0Lavf\0'));
    for (const bytes of [
      wav(data, { bits: 24, extensible: true }),
      wav(data, { bits: 24, riff: 'RF64' }),
      wav(data, { bits: 24, riff: 'BW64', extensible: true }),
      wav(data, { bits: 24, before: list }),
    ]) {
      expect((await decodeAll(files.write('variant.wav', bytes))).samples).toEqual(RAMP);
    }
  });

  test.each([0, 0xffffffff, 0x7fffffff])(
    'reads to the end of the file for an open data size (%i)',
    async (dataSize) => {
      const path = files.write('open.wav', wav(pcm16(RAMP), { dataSize }));
      const { samples, error } = await decodeAll(path);
      expect(error).toBeUndefined();
      expect(samples.length).toBe(RAMP.length);
    },
  );

  test('mixes any number of channels to their mean', async () => {
    const interleaved = (rows: number[][]) => Float32Array.from(rows.flat());
    const stereo = interleaved([
      [0.5, -0.5],
      [0.5, 0.25],
    ]);
    const options = { bits: 32, tag: 3 };
    const left = files.write('stereo.wav', wav(new Uint8Array(stereo.buffer), { ...options, channels: 2 }));
    expect([...(await decodeAll(left)).samples]).toEqual([0, 0.375]);
    const quad = interleaved([[1, 0.5, -0.5, -0.5]]);
    const four = files.write('quad.wav', wav(new Uint8Array(quad.buffer), { ...options, channels: 4 }));
    expect([...(await decodeAll(four)).samples]).toEqual([0.125]);
  });
});

/** An AIFF or AIFC file with these sample bytes. */
function aiff(data: Uint8Array, bits: number, encoding?: string): Uint8Array {
  const common = Buffer.alloc(encoding === undefined ? 18 : 24);
  common.writeUInt16BE(1, 0);
  common.writeUInt32BE(data.length / Math.ceil(bits / 8), 2);
  common.writeUInt16BE(bits, 6);
  Buffer.from('400cfa00000000000000', 'hex').copy(common, 8); // 16,000 as an 80-bit float
  common.write(encoding ?? '', 18, 'latin1');
  const chunk = (id: string, body: Uint8Array) => {
    const head = Buffer.alloc(8);
    head.write(id, 'latin1');
    head.writeUInt32BE(body.length, 4);
    return Buffer.concat([head, body, Buffer.alloc(body.length % 2)]);
  };
  const form = encoding === undefined ? 'AIFF' : 'AIFC';
  const parts = [
    Buffer.from(form),
    chunk('COMM', common),
    chunk('SSND', Buffer.concat([Buffer.alloc(8), data])),
  ];
  return chunk('FORM', Buffer.concat(parts));
}

describe('AIFF', () => {
  test.each([8, 16, 24, 32])('decodes %i-bit integers exactly', async (bits) => {
    const path = files.write(`int${bits}.aiff`, aiff(bytesOf(RAMP, bits, INT[bits]?.[1]), bits));
    const { samples, sampleRate } = await decodeAll(path);
    expect(samples).toEqual(RAMP);
    expect(sampleRate).toBe(16000);
  });

  test('decodes little-endian (sowt) and float AIFC exactly', async () => {
    const sowt = files.write('sowt.aifc', aiff(bytesOf(RAMP, 16, INT[16]?.[0]), 16, 'sowt'));
    expect((await decodeAll(sowt)).samples).toEqual(RAMP);
    const float = bytesOf(RAMP, 32, (b, s, at) => b.writeFloatBE(s, at));
    expect((await decodeAll(files.write('fl32.aifc', aiff(float, 32, 'fl32')))).samples).toEqual(RAMP);
  });
});
