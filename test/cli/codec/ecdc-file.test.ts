/** Files of Meta's package. */
import { join } from 'node:path';
import { readFileSync } from 'node:fs';

import { describe, expect, test } from '@jest/globals';

import { isEcdc, readEcdc, writeEcdc, type EncodecShape } from '#daemon/cli/codec/ecdc-file.js';
import { encodecShape, parseEncodecConfig } from '#daemon/models/codecs/encodec/encodec-config.js';

import { root } from '../../models/model-fixtures.js';
import { expectedEncodec, type Name } from '../../models/codecs/encodec/encodec-fixtures.js';

const shapeOf = (name: Name): EncodecShape =>
  encodecShape(
    parseEncodecConfig(
      JSON.parse(readFileSync(join(root, `test/fixtures/codecs/encodec-${name}/config.json`), 'utf8')),
    ),
  );

const fileOf = (name: Name, index = 0): Buffer =>
  Buffer.from(expectedEncodec(name).ecdc[index]?.file ?? '', 'base64');

describe.each(['causal', 'segments'] as const)('%s', (name) => {
  const shape = shapeOf(name);
  const { cases, ecdc } = expectedEncodec(name);

  test('files are read', () => {
    for (const [i, { length, bandwidth }] of ecdc.entries()) {
      const own = cases.find((one) => one.length === length && one.bandwidth === bandwidth);
      const read = readEcdc(fileOf(name, i), shape);
      const codes = own?.segments[0]?.map((_, k) => own.segments.flatMap((segment) => segment[k] ?? []));
      expect(read).toMatchObject({ samples: length, codes });
      expect(read.scales?.length ?? 0).toBe(own?.scales.length);
      for (const [n, scale] of (read.scales ?? []).entries())
        expect(scale).toBeCloseTo(own?.scales[n] ?? NaN, 6);
    }
  });

  test('files are written as they were read', () => {
    for (const i of ecdc.keys()) {
      const file = fileOf(name, i);
      const written = writeEcdc(readEcdc(file, shape), shape);
      // Python puts spaces into the JSON.
      expect(readEcdc(written, shape)).toEqual(readEcdc(file, shape));
      expect(bodyOf(written)).toEqual(bodyOf(file));
      expect(isEcdc(written)).toBe(true);
    }
  });

  test.each([
    ['no bytes', () => Buffer.alloc(0), 'begin with ECDC'],
    ['other bytes', () => Buffer.alloc(100, 7), 'begin with ECDC'],
    ['a cut file', (file: Buffer) => file.subarray(0, -1), 'bytes'],
    ['a longer file', (file: Buffer) => Buffer.concat([file, Buffer.alloc(1)]), 'bytes'],
    ['a cut header', (file: Buffer) => file.subarray(0, 20), 'longer than the file'],
    [
      'a header of 4 GB',
      (file: Buffer) => changed(file, (copy) => copy.writeUInt32BE(2 ** 32 - 1, 5)),
      'longer',
    ],
    ['another version', (file: Buffer) => changed(file, (copy) => copy.writeUInt8(1, 4)), 'version 1'],
    ['an entropy model', (file: Buffer) => withHeader(file, { lm: true }), 'entropy model'],
    ['9 PB of samples', (file: Buffer) => withHeader(file, { al: Number.MAX_SAFE_INTEGER }), 'bytes'],
    ['a negative length', (file: Buffer) => withHeader(file, { al: -1 }), 'al'],
    ['too many codebooks', (file: Buffer) => withHeader(file, { nc: 9 }), '9 codebooks'],
    ['no codebooks', (file: Buffer) => withHeader(file, { nc: 0 }), 'nc'],
    ['no JSON', (file: Buffer) => changed(file, (copy) => copy.fill(0x7b, 9, 20)), 'not JSON'],
  ])('%s is refused', (_name, damage, message) => {
    expect(() => readEcdc(damage(fileOf(name)), shape)).toThrow(message);
  });
});

const headerEnd = (file: Uint8Array): number => 9 + Buffer.from(file).readUInt32BE(5);
const bodyOf = (file: Uint8Array): Buffer => Buffer.from(file).subarray(headerEnd(file));

function changed(file: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(file);
  change(copy);
  return copy;
}

function withHeader(file: Buffer, change: Readonly<Record<string, unknown>>): Buffer {
  const old = JSON.parse(file.subarray(9, headerEnd(file)).toString()) as object;
  const json = Buffer.from(JSON.stringify({ ...old, ...change }));
  const prefix = Buffer.from(file.subarray(0, 9));
  prefix.writeUInt32BE(json.length, 5);
  return Buffer.concat([prefix, json, bodyOf(file)]);
}
