import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { animatedPng, chunksOf } from './animated-png.js';

/** A gray picture of one shade. */
function png(width: number, height: number, shade: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const rows = Buffer.concat(
    Array.from({ length: height }, () => Buffer.from([0, ...Array<number>(width).fill(shade)])),
  );
  const chunk = (type: string, data: Buffer): Buffer => {
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    const body = Buffer.concat([Buffer.from(type), data]);
    length.writeUInt32BE(data.length, 0);
    sum.writeUInt32BE(crc32(body), 0);
    return Buffer.concat([length, body, sum]);
  };
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    ...[chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))],
  ]);
}

describe('an animated PNG', () => {
  const animation = animatedPng([
    { png: png(3, 2, 10), ms: 400 },
    { png: png(3, 2, 20), ms: 90 },
    { png: png(3, 2, 30), ms: 90_000 },
  ]);
  const chunks = chunksOf(animation);

  test('has the chunks of the specification in order, numbered without a gap', () => {
    expect(chunks.map(({ type }) => type)).toEqual([
      ...['IHDR', 'acTL', 'fcTL', 'IDAT', 'fcTL', 'fdAT', 'fcTL', 'fdAT', 'IEND'],
    ]);
    const numbered = chunks.filter(({ type }) => type === 'fcTL' || type === 'fdAT');
    expect(numbered.map(({ data }) => data.readUInt32BE(0))).toEqual([0, 1, 2, 3, 4]);
    const [control] = chunks.filter(({ type }) => type === 'acTL').map(({ data }) => data);
    expect([control?.readUInt32BE(0), control?.readUInt32BE(4)]).toEqual([3, 0]);
  });

  test('keeps the pixels and the time of each frame', () => {
    const frames = chunks.filter(({ type }) => type === 'IDAT' || type === 'fdAT');
    const shades = frames.map(({ type, data }) => inflateSync(type === 'IDAT' ? data : data.subarray(4))[1]);
    expect(shades).toEqual([10, 20, 30]);
    const controls = chunks.filter(({ type }) => type === 'fcTL').map(({ data }) => data);
    expect(controls.map((data) => [data.readUInt32BE(4), data.readUInt32BE(8)])).toEqual([
      ...[
        [3, 2],
        [3, 2],
        [3, 2],
      ],
    ]);
    expect(controls.map((data) => data.readUInt16BE(20) / data.readUInt16BE(22))).toEqual([
      0.4, 0.09, 65.535,
    ]);
  });

  test('refuses no frames, frames of different sizes, and bytes of another kind', () => {
    expect(() => animatedPng([])).toThrow('needs a PNG frame');
    const sizes = [png(3, 2, 1), png(2, 3, 1)].map((frame) => ({ png: frame, ms: 1 }));
    expect(() => animatedPng(sizes)).toThrow('one size');
    expect(() => animatedPng([{ png: Buffer.from('GIF89a'), ms: 1 }])).toThrow('not a PNG');
  });
});
