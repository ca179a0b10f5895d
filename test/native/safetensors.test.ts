import { execFileSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  parseSafetensorsHeader,
  SafetensorsError,
  validateSafetensors,
} from '#native/safetensors/validate.js';
import { dtypes, fileBytes, validFile, type TensorSpec } from './safetensors-bytes.js';

/** SOTTO_FUZZ=50 runs fifty times as many random cases. */
const fuzzScale = Number(process.env['SOTTO_FUZZ'] ?? 1);

const parse = (file: Uint8Array) => parseSafetensorsHeader(file, file.byteLength, 'model.safetensors');

/** The SafetensorsError that `read` throws; fails on any other outcome. */
function refusal(read: () => unknown): SafetensorsError {
  try {
    read();
  } catch (error) {
    if (error instanceof SafetensorsError) return error;
    throw error;
  }
  throw new Error('the file was accepted');
}

const tensor = (begin: number, end: number, shape = [end - begin], dtype = 'U8') => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});
const t = JSON.stringify(tensor(0, 4));
const data = (bytes: number) => new Uint8Array(bytes);
const withLength = (length: bigint, file = fileBytes({ a: tensor(0, 4) }, data(4))) => {
  file.writeBigUInt64LE(length);
  return file;
};

describe('valid files', () => {
  const good: Record<string, Buffer> = {
    'no tensors': fileBytes('{}'),
    'padding spaces after the header': fileBytes(`{"a":${t}}      `, data(4)),
    'whitespace between tokens': fileBytes(
      `{ "a" :\n{"dtype":\t"U8","shape":[ 4 ],"data_offsets":[0 , 4]} }\r\n`,
      data(4),
    ),
    'a scalar': fileBytes({ a: tensor(0, 4, [], 'F32') }, data(4)),
    'empty tensors between full ones': fileBytes(
      { a: tensor(0, 4), b: tensor(4, 4), c: tensor(4, 4, [0, 7], 'F32'), d: tensor(4, 6) },
      data(6),
    ),
    'tensors in another order than their data': fileBytes({ b: tensor(4, 8), a: tensor(0, 4) }, data(8)),
    'null metadata, as MLX writes it': fileBytes(`{"__metadata__":null,"a":${t}}`, data(4)),
    'names with escapes and emoji': fileBytes(`{"\\u00e9\\"\\n\\ud83d\\ude00":${t}}`, data(4)),
    'names of Object members': fileBytes({ constructor: tensor(0, 4), toString: tensor(4, 8) }, data(8)),
  };
  test.each(Object.entries(good))('accepts %s', (_, file) => {
    expect(parse(file).dataBytes).toBe(file.length - 8 - file.readUInt32LE());
  });

  test('returns names, dtypes, shapes, ranges and metadata', () => {
    const header = parse(
      validFile(
        [
          { name: 'w', dtype: 'F16', shape: [2, 3] },
          { name: '\u{1F600}', dtype: 'U32', shape: [] },
        ],
        { format: 'mlx' },
      ),
    );
    expect([...header.tensors]).toEqual([
      ['w', { dtype: 'F16', shape: [2, 3], begin: 0, end: 12 }],
      ['\u{1F600}', { dtype: 'U32', shape: [], begin: 12, end: 16 }],
    ]);
    expect([...header.metadata]).toEqual([['format', 'mlx']]);
    expect(header.dataBytes).toBe(16);
  });
});

describe('invalid files and their error codes', () => {
  const int32 = 2 ** 31;
  const attacks: [string, string, Buffer][] = [
    ['an empty file', 'TRUNCATED', Buffer.alloc(0)],
    ['seven bytes', 'TRUNCATED', Buffer.alloc(7)],
    ['a header length of zero', 'HEADER', Buffer.alloc(8)],
    ['a header length of 2^64 - 1', 'HEADER_SIZE', withLength(2n ** 64n - 1n)],
    ['a header length of 2^63', 'HEADER_SIZE', withLength(2n ** 63n)],
    ['a header just over 100 MB', 'HEADER_SIZE', withLength(100_000_001n)],
    ['a header longer than the file', 'TRUNCATED', withLength(5000n)],
    ['a header length one too large', 'TRUNCATED', withLength(60n, fileBytes({ a: tensor(0, 4) }))],
    ['a header that is an array', 'HEADER', fileBytes('[]')],
    ['a header that starts with a space', 'HEADER', fileBytes(` {"a":${t}}`, data(4))],
    ['a byte order mark', 'HEADER', fileBytes(`\ufeff{"a":${t}}`, data(4))],
    [
      'bytes that are not UTF-8',
      'HEADER',
      fileBytes(Buffer.from(`7b22ff223a${Buffer.from(`${t}}`).toString('hex')}`, 'hex'), data(4)),
    ],
    [
      'an overlong UTF-8 quote',
      'HEADER',
      fileBytes(Buffer.concat([Buffer.from('{"a'), Buffer.from([0xc0, 0xa2])])),
    ],
    ['a ZIP archive', 'HEADER_SIZE', Buffer.from('504b03040a0000000000000000000000', 'hex')],
    ['a header cut inside a key', 'HEADER', fileBytes('{"a')],
    ['a header cut inside an escape', 'HEADER', fileBytes('{"a\\')],
    ['a header without its closing brace', 'HEADER', fileBytes(`{"a":${t}`, data(4))],
    ['text after the closing brace', 'HEADER', fileBytes(`{"a":${t}}{}`, data(4))],
    ['a NUL after the closing brace', 'HEADER', fileBytes(`{"a":${t}}\0`, data(4))],
    ['a trailing comma', 'HEADER', fileBytes(`{"a":${t},}`, data(4))],
    ['a comment', 'HEADER', fileBytes(`{/**/"a":${t}}`, data(4))],
    ['single quotes', 'HEADER', fileBytes(`{'a':${t}}`, data(4))],
    ['a raw newline in a name', 'HEADER', fileBytes(`{"a\n":${t}}`, data(4))],
    ['an unknown escape', 'HEADER', fileBytes(`{"\\x61":${t}}`, data(4))],
    ['half a surrogate pair', 'HEADER', fileBytes(`{"\\ud800":${t}}`, data(4))],
    ['a tensor that is null', 'HEADER', fileBytes('{"a":null}')],
    ['a tensor that is a list', 'HEADER', fileBytes('{"a":[]}')],
    ['a tensor without fields', 'HEADER', fileBytes('{"a":{}}')],
    ['a tensor without a dtype', 'HEADER', fileBytes({ a: { shape: [4], data_offsets: [0, 4] } }, data(4))],
    ['a tensor without a shape', 'HEADER', fileBytes({ a: { dtype: 'U8', data_offsets: [0, 4] } }, data(4))],
    ['a tensor without offsets', 'HEADER', fileBytes({ a: { dtype: 'U8', shape: [4] } }, data(4))],
    ['an unknown field', 'HEADER', fileBytes({ a: { ...tensor(0, 4), strides: [1] } }, data(4))],
    ['a million opening brackets', 'HEADER', fileBytes(`{"a":{"shape":${'['.repeat(1e6)}`)],
    ['the same tensor twice', 'DUPLICATE_KEY', fileBytes(`{"a":${t},"a":${t}}`, data(4))],
    ['the same tensor twice, once escaped', 'DUPLICATE_KEY', fileBytes(`{"a":${t},"\\u0061":${t}}`, data(4))],
    ['the same tensor field twice', 'DUPLICATE_KEY', fileBytes(`{"a":{"dtype":"U8",${t.slice(1)}}`, data(4))],
    ['two shapes', 'DUPLICATE_KEY', fileBytes(`{"a":{"shape":[4],${t.slice(1)}}`, data(4))],
    ['two data_offsets', 'DUPLICATE_KEY', fileBytes(`{"a":{"data_offsets":[0,4],${t.slice(1)}}`, data(4))],
    ['two metadata objects', 'DUPLICATE_KEY', fileBytes('{"__metadata__":{},"__metadata__":{}}')],
    ['metadata after a null one', 'DUPLICATE_KEY', fileBytes('{"__metadata__":null,"__metadata__":{}}')],
    ['the same metadata key twice', 'DUPLICATE_KEY', fileBytes('{"__metadata__":{"k":"1","k":"2"}}')],
    ['a tensor named __proto__', 'NAME', fileBytes(`{"__proto__":${t}}`, data(4))],
    ['a metadata key named __proto__', 'NAME', fileBytes('{"__metadata__":{"__proto__":"x"}}')],
    ['metadata that is a tensor', 'METADATA', fileBytes(`{"__metadata__":${t}}`, data(4))],
    ['metadata that is a string', 'METADATA', fileBytes({ __metadata__: 'x' })],
    ['a number in the metadata', 'METADATA', fileBytes({ __metadata__: { a: 1 } })],
    ['an object in the metadata', 'METADATA', fileBytes({ __metadata__: { a: {} } })],
    ['an unknown dtype', 'DTYPE', fileBytes({ a: tensor(0, 4, [4], 'X8') }, data(4))],
    ['a dtype MLX cannot load', 'DTYPE', fileBytes({ a: tensor(0, 8, [1], 'F64') }, data(8))],
    [
      'a dtype named as an Object member',
      'DTYPE',
      fileBytes({ a: tensor(0, 4, [4], 'constructor') }, data(4)),
    ],
    ['a dtype in small letters', 'DTYPE', fileBytes({ a: tensor(0, 4, [4], 'u8') }, data(4))],
    ['a negative dimension', 'HEADER', fileBytes({ a: tensor(0, 4, [-4]) }, data(4))],
    ['two negative dimensions', 'HEADER', fileBytes({ a: tensor(0, 4, [-2, -2]) }, data(4))],
    [
      'a fraction as dimension',
      'HEADER',
      fileBytes(`{"a":{"dtype":"U8","shape":[4.0],"data_offsets":[0,4]}}`, data(4)),
    ],
    [
      'an exponent as dimension',
      'HEADER',
      fileBytes(`{"a":{"dtype":"U8","shape":[4e0],"data_offsets":[0,4]}}`, data(4)),
    ],
    [
      'a leading zero',
      'HEADER',
      fileBytes(`{"a":{"dtype":"U8","shape":[04],"data_offsets":[0,4]}}`, data(4)),
    ],
    [
      'a dimension of 2^53',
      'HEADER',
      fileBytes(`{"a":{"dtype":"U8","shape":[9007199254740992],"data_offsets":[0,4]}}`, data(4)),
    ],
    [
      'a dimension of 2^64 + 4',
      'HEADER',
      fileBytes(`{"a":{"dtype":"U8","shape":[18446744073709551620],"data_offsets":[0,4]}}`, data(4)),
    ],
    ['a dimension as string', 'HEADER', fileBytes({ a: { ...tensor(0, 4), shape: ['4'] } }, data(4))],
    ['a dimension of 2^32, which MLX would wrap to 0', 'SHAPE', fileBytes({ a: tensor(0, 0, [2 * int32]) })],
    [
      'an empty tensor with an absurd stride',
      'SHAPE',
      fileBytes({ a: tensor(0, 0, [0, int32 - 1, int32 - 1, int32 - 1]) }),
    ],
    [
      'a product that overflows 2^53',
      'SHAPE',
      fileBytes({ a: tensor(0, 4, [int32 - 1, int32 - 1]) }, data(4)),
    ],
    [
      'a product that wraps to 4 in 64 bits',
      'SHAPE',
      fileBytes({ a: tensor(0, 4, [65536, 65536, 65536, 65536, 4]) }, data(4)),
    ],
    [
      'a hundred dimensions',
      'HEADER',
      fileBytes({ a: tensor(0, 1, new Array<number>(100).fill(1)) }, data(1)),
    ],
    ['one offset', 'OFFSETS', fileBytes({ a: { ...tensor(0, 4), data_offsets: [0] } }, data(4))],
    ['three offsets', 'HEADER', fileBytes({ a: { ...tensor(0, 4), data_offsets: [0, 4, 8] } }, data(8))],
    ['reversed offsets', 'OFFSETS', fileBytes({ a: { ...tensor(0, 4), data_offsets: [4, 0] } }, data(4))],
    ['offsets over too few bytes', 'OFFSETS', fileBytes({ a: tensor(0, 4, [2], 'F32') }, data(4))],
    ['offsets over too many bytes', 'OFFSETS', fileBytes({ a: tensor(0, 8, [1], 'F32') }, data(8))],
    ['an empty tensor with bytes', 'OFFSETS', fileBytes({ a: tensor(0, 4, [0, 4]) }, data(4))],
    ['data that ends beyond the file', 'TRUNCATED', fileBytes({ a: tensor(0, 8) }, data(4))],
    [
      'data that begins beyond the file',
      'TRUNCATED',
      fileBytes({ a: tensor(2 ** 40, 2 ** 40 + 4) }, data(4)),
    ],
    ['two tensors over the same bytes', 'LAYOUT', fileBytes({ a: tensor(0, 4), b: tensor(0, 4) }, data(4))],
    ['two tensors that share a byte', 'LAYOUT', fileBytes({ a: tensor(0, 4), b: tensor(3, 7) }, data(7))],
    ['an empty tensor inside another', 'LAYOUT', fileBytes({ a: tensor(0, 4), b: tensor(2, 2) }, data(4))],
    ['a gap between tensors', 'LAYOUT', fileBytes({ a: tensor(0, 4), b: tensor(5, 9) }, data(9))],
    ['a gap before the first tensor', 'LAYOUT', fileBytes({ a: tensor(1, 5) }, data(5))],
    ['bytes after the last tensor', 'LAYOUT', fileBytes({ a: tensor(0, 4) }, data(5))],
    ['data without any tensor', 'LAYOUT', fileBytes('{}', data(1))],
  ];
  test.each(attacks)('rejects %s (%s)', (_, code, file) => {
    const error = refusal(() => parse(file));
    expect(error.code).toBe(`SAFETENSORS_${code}`);
    expect(error.message).toMatch(/^model\.safetensors: /);
    expect(error.message).toMatch(/\. (?:Download|Convert|The file is damaged)/); // the remedy
    expect(error.message.length).toBeLessThan(600);
  });

  test('names the faulty tensor', () => {
    const file = fileBytes(
      { 'decoder.ln.bias': tensor(0, 4), 'decoder.ln.weight': tensor(4, 8, [3]) },
      data(8),
    );
    const error = refusal(() => parse(file));
    expect(error.tensor).toBe('decoder.ln.weight');
    expect(error.message).toContain('"decoder.ln.weight"');
    expect(error.message).toContain('U8[3] needs 3 bytes, but data_offsets [4, 8] span 4');
  });

  test('keeps long names and control characters out of the message', () => {
    const error = refusal(() => parse(fileBytes(`{"\\u001b[2J${'x'.repeat(1e6)}":${t}}`)));
    expect(error.message.length).toBeLessThan(600);
    expect(error.message).not.toContain('\u001b');
  });

  test('does not modify Object.prototype', () => {
    refusal(() => parse(fileBytes(`{"__proto__":{"polluted":"yes"}}`)));
    refusal(() => parse(fileBytes(`{"__metadata__":{"__proto__":"yes"}}`)));
    expect('polluted' in {}).toBe(false);
  });
});

describe('files on disk', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'sotto-safetensors-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('reads only the header', () => {
    const path = join(folder, 'sparse.safetensors');
    const bytes = 2 ** 33;
    writeFileSync(path, fileBytes({ a: tensor(0, bytes, [8, 2 ** 30]) }));
    const headerEnd = fileBytes({ a: tensor(0, bytes, [8, 2 ** 30]) }).length;
    truncateSync(path, headerEnd + bytes); // a sparse file of 8 GiB
    expect(validateSafetensors(path).dataBytes).toBe(bytes);
  });

  test.each([
    ['a missing file', 'UNREADABLE', (path: string) => path],
    ['a directory', 'UNREADABLE', (path: string) => (mkdirSync(path), path)],
    ['a FIFO without a writer', 'UNREADABLE', (path: string) => (execFileSync('mkfifo', [path]), path)],
    ['a device', 'UNREADABLE', () => '/dev/zero'],
    ['a path with a NUL', 'UNREADABLE', (path: string) => `${path}\0`],
    ['an empty file', 'TRUNCATED', (path: string) => (writeFileSync(path, ''), path)],
    [
      'a truncated file',
      'TRUNCATED',
      (path: string) => (writeFileSync(path, fileBytes({ a: tensor(0, 9) }, data(8))), path),
    ],
    [
      'a terabyte of zeros',
      'HEADER',
      (path: string) => {
        writeFileSync(path, '');
        truncateSync(path, 2 ** 40);
        return path;
      },
    ],
  ])('rejects %s without blocking and names it', (name, code, make) => {
    const path = make(join(folder, name.replaceAll(' ', '-')));
    const error = refusal(() => validateSafetensors(path));
    expect(error.code).toBe(`SAFETENSORS_${code}`);
    expect(error.file).toBe(path);
    expect(error.message).toContain(path);
  });
});

const arbitraryTensors: fc.Arbitrary<TensorSpec[]> = fc.uniqueArray(
  fc.record({
    name: fc
      .string({ unit: 'binary', maxLength: 12 })
      .filter((name) => name !== '__proto__' && name !== '__metadata__'),
    dtype: fc.constantFrom(...dtypes),
    shape: fc.array(fc.nat({ max: 5 }), { maxLength: 4 }),
  }),
  { selector: ({ name }) => name, maxLength: 12 },
);
const arbitraryMetadata = fc.option(
  fc.dictionary(
    fc.string({ unit: 'binary' }).filter((key) => key !== '__proto__'),
    fc.string({ unit: 'binary' }),
  ),
  { nil: undefined },
);

describe('for any file', () => {
  test('accepts and returns every valid header', () => {
    fc.assert(
      fc.property(arbitraryTensors, arbitraryMetadata, (specs, metadata) => {
        const header = parse(validFile(specs, metadata));
        const found = [...header.tensors].map(([name, { dtype, shape }]) => ({
          name,
          dtype,
          shape: [...shape],
        }));
        expect(found).toEqual(specs);
        expect([...header.metadata].sort()).toEqual(Object.entries(metadata ?? {}).sort());
      }),
      { numRuns: 2_000 * fuzzScale },
    );
  });

  test('a mutated file gives a complete header or a SafetensorsError', () => {
    const mutation = fc.record({
      at: fc.nat(),
      kind: fc.constantFrom('flip', 'set', 'insert', 'remove', 'truncate', 'copy'),
      value: fc.nat({ max: 255 }),
    });
    fc.assert(
      fc.property(
        arbitraryTensors,
        fc.array(mutation, { minLength: 1, maxLength: 6 }),
        (specs, mutations) => {
          let file = validFile(specs);
          for (const { at, kind, value } of mutations) {
            const position = at % Math.max(file.length, 1);
            const [before, after] = [file.subarray(0, position), file.subarray(position)];
            const head = after.subarray(0, 1);
            if (kind === 'flip')
              file = Buffer.concat([
                before,
                Buffer.from(head.map((b) => b ^ (1 << (value % 8)))),
                after.subarray(1),
              ]);
            if (kind === 'set') file = Buffer.concat([before, Buffer.from([value]), after.subarray(1)]);
            if (kind === 'insert') file = Buffer.concat([before, Buffer.from([value]), after]);
            if (kind === 'remove') file = Buffer.concat([before, after.subarray(1)]);
            if (kind === 'truncate') file = Buffer.from(before);
            if (kind === 'copy') file = Buffer.concat([before, after.subarray(0, value), after]);
          }
          expectSoundOrRefused(file);
        },
      ),
      { numRuns: 20_000 * fuzzScale },
    );
  });

  test('survives any JSON and any text as a header', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.json(), fc.string({ unit: 'binary' })),
        fc.nat({ max: 64 }),
        (header, bytes) => {
          expectSoundOrRefused(fileBytes(header, data(bytes)));
          expectSoundOrRefused(fileBytes(`{"a":${header}}`, data(bytes)));
          expectSoundOrRefused(
            fileBytes(`{"a":{"dtype":"U8","shape":${header},"data_offsets":[0,${bytes}]}}`, data(bytes)),
          );
        },
      ),
      { numRuns: 5_000 * fuzzScale },
    );
  });
});

/** If accepted, JSON.parse must read the same header, and the tensors must tile the data. */
function expectSoundOrRefused(file: Buffer): void {
  let header;
  try {
    header = parse(file);
  } catch (error) {
    if (error instanceof SafetensorsError) return;
    throw error;
  }
  const json: unknown = JSON.parse(file.subarray(8, 8 + header.headerBytes).toString());
  const seen = Object.entries(json as object).filter(([name]) => name !== '__metadata__');
  expect(new Map(seen)).toEqual(
    new Map(
      [...header.tensors].map(([name, { dtype, shape, begin, end }]) => [
        name,
        { dtype, shape, data_offsets: [begin, end] },
      ]),
    ),
  );
  expect([...header.tensors.values()].reduce((sum, { begin, end }) => sum + end - begin, 0)).toBe(
    header.dataBytes,
  );
}
