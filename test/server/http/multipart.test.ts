import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SottoError } from '#daemon/protocol/errors.js';
import {
  FORM_LIMITS,
  readForm,
  type Form,
  type FormLimits,
  type FormSource,
} from '#daemon/server/http/multipart.js';
import { sweepUploads, Upload } from '#daemon/upload.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';

const BOUNDARY = 'x-boundary';
const TYPE = `multipart/form-data; boundary=${BOUNDARY}`;
const LIMITS: FormLimits = { fileBytes: 5_000, fields: 4, fieldBytes: 100, fieldsBytes: 250 };

let home: TempHome;
let folder: string;

beforeEach(() => {
  home = tempHome();
  folder = join(home.folder, 'uploads');
  mkdirSync(folder);
});
afterEach(() => home.remove());

interface Part {
  readonly name: string;
  readonly value: Buffer | string;
  readonly filename?: string;
}

function bodyOf(parts: readonly Part[]): Buffer {
  const pieces = parts.flatMap(({ name, value, filename }) => [
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"`,
    filename === undefined ? '' : `; filename="${filename}"`,
    '\r\n\r\n',
    value,
    '\r\n',
  ]);
  return Buffer.concat([...pieces, `--${BOUNDARY}--\r\n`].map((piece) => Buffer.from(piece)));
}

function sourceOf(chunks: Iterable<Buffer>, headers: Record<string, string> = {}): FormSource {
  return Object.assign(Readable.from(chunks, { objectMode: false }), {
    headers: { 'content-type': TYPE, ...headers },
  });
}

function read(source: FormSource, limits: FormLimits = LIMITS): Promise<Form> {
  return readForm(source, { folder, signal: new AbortController().signal, limits });
}

/** @returns the error of a refused form, which must leave no file */
async function refusalOf(
  source: FormSource,
  limits?: FormLimits,
): Promise<{ code: string; param: string | undefined }> {
  try {
    await read(source, limits);
  } catch (error) {
    if (!(error instanceof SottoError)) throw error;
    expect(readdirSync(folder)).toEqual([]);
    return { code: error.code, param: error.param };
  }
  throw new Error('the form was accepted');
}

function cut(body: Buffer, at: readonly number[]): Buffer[] {
  const ends = [...new Set(at.map((place) => place % (body.length + 1)))].sort((a, b) => a - b);
  return [...ends, body.length]
    .map((end, i) => body.subarray(ends[i - 1] ?? 0, end))
    .filter(({ length }) => length > 0);
}

const AUDIO = Buffer.from(Array.from({ length: 3_000 }, (_, i) => (i * 7) % 256));
const WHOLE = bodyOf([
  { name: 'model', value: 'whisper-1' },
  { name: 'file', value: AUDIO, filename: 'Größe.wav' },
  { name: 'a[]', value: 'eins' },
  { name: 'a[]', value: 'zwei' },
]);

describe('a form', () => {
  test('is parsed the same however its bytes are split', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(WHOLE.length), { maxLength: 40 }), async (at) => {
        const { fields, file } = await read(sourceOf(cut(WHOLE, at)));
        expect([...fields]).toEqual([
          ['model', ['whisper-1']],
          ['a[]', ['eins', 'zwei']],
        ]);
        expect(file?.bytes).toBe(AUDIO.length);
        expect(readFileSync(file?.path ?? '').equals(AUDIO)).toBe(true);
        await file?.discard();
      }),
      { numRuns: 60 },
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  test('is parsed byte by byte', async () => {
    const { file } = await read(sourceOf(cut(WHOLE, [...WHOLE.keys()])));
    expect(file?.bytes).toBe(AUDIO.length);
  });

  test('is refused if truncated anywhere, and leaves no file', async () => {
    for (let length = 0; length < WHOLE.length - 4; length += 61) {
      expect(await refusalOf(sourceOf([WHOLE.subarray(0, length)]))).toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    }
  });

  test('of random bytes is accepted or refused, without other effects', async () => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom(
          ...[
            '\r\n',
            '\n',
            '--',
            `--${BOUNDARY}`,
            `--${BOUNDARY}--`,
            `\r\n--${BOUNDARY}\r\n`,
            '\r\n\r\n',
            '"',
            ';',
            '=',
          ],
          ...[
            'Content-Disposition: form-data; name="file"',
            'Content-Disposition: form-data; name=',
            '\0',
            ' ',
          ],
          ...[
            'Content-Type: text/plain; charset=utf-16le',
            'Content-Transfer-Encoding: base64',
            'name="__proto__"',
          ],
        )
        .map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(garbage, { maxLength: 30 }), fc.array(fc.nat(2_000)), async (pieces, at) => {
        try {
          const { file } = await read(sourceOf(cut(Buffer.concat(pieces), at)));
          await file?.discard();
        } catch (error) {
          expect(error).toBeInstanceOf(SottoError);
          expect((error as SottoError).code).toMatch(/^(INVALID_ARGUMENT|TOO_LARGE)$/);
        }
        expect(readdirSync(folder)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  test('with a changed byte is accepted or refused, and leaves no file', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(WHOLE.length - 1), fc.nat(255), async (place, value) => {
        const body = Buffer.from(WHOLE);
        body[place] = value;
        await read(sourceOf([body])).then(
          ({ file }) => file?.discard(),
          (error: unknown) => expect(error).toBeInstanceOf(SottoError),
        );
        expect(readdirSync(folder)).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  test('may contain names with a meaning in JavaScript', async () => {
    const { fields } = await read(
      sourceOf([
        bodyOf([
          { name: '__proto__', value: 'x' },
          { name: 'constructor', value: 'y' },
        ]),
      ]),
    );
    expect([...fields]).toEqual([
      ['__proto__', ['x']],
      ['constructor', ['y']],
    ]);
  });

  test('stores its file privately under a generated name', async () => {
    const { file } = await read(
      sourceOf([bodyOf([{ name: 'file', value: AUDIO, filename: '../../a.wav' }])]),
    );
    expect(statSync(file?.path ?? '').mode & 0o777).toBe(0o600);
    expect(file?.path).toMatch(/uploads\/[0-9a-f]+-[0-9a-f]+$/);
  });
});

describe('a form that is too large', () => {
  const field = (name: string, length = 3): Part => ({ name, value: 'x'.repeat(length) });
  test.each<[string, Part[], string, string | undefined]>([
    [
      'a file over the limit',
      [{ name: 'file', value: Buffer.alloc(6_000), filename: 'a' }],
      'PAYLOAD_TOO_LARGE',
      'file',
    ],
    ['a long field', [field('prompt', 101)], 'PAYLOAD_TOO_LARGE', 'prompt'],
    ['long fields together', [field('a', 90), field('b', 90), field('c', 90)], 'PAYLOAD_TOO_LARGE', 'c'],
    ['many fields', ['a', 'b', 'c', 'd', 'e'].map((name) => field(name)), 'PAYLOAD_TOO_LARGE', undefined],
    ['a long name', [field('n'.repeat(101))], 'INVALID_ARGUMENT', undefined],
    ['two files', [field('file'), field('file')], 'INVALID_ARGUMENT', 'file'],
  ])('%s', async (_, parts, code, param) => {
    expect(await refusalOf(sourceOf([bodyOf(parts)]))).toEqual({ code, param });
  });

  test('by its Content-Length, before a byte is read', async () => {
    const source = sourceOf([WHOLE], { 'content-length': String(5 * 1024 ** 3) });
    expect(await refusalOf(source, FORM_LIMITS)).toEqual({ code: 'PAYLOAD_TOO_LARGE', param: 'file' });
    expect(source.readableFlowing).toBe(null);
  });

  test('for the disk', async () => {
    const limits = { ...LIMITS, fileBytes: 2 ** 60 };
    const source = sourceOf([WHOLE], { 'content-length': String(2 ** 59) });
    expect(await refusalOf(source, limits)).toEqual({ code: 'INSUFFICIENT_DISK', param: 'file' });
  });
});

describe('a request that is not a form', () => {
  test.each([
    [{ 'content-type': 'application/json' }, 'UNSUPPORTED_MEDIA_TYPE'],
    [{ 'content-type': 'application/x-www-form-urlencoded' }, 'UNSUPPORTED_MEDIA_TYPE'],
    [{ 'content-type': 'multipart/mixed; boundary=x' }, 'UNSUPPORTED_MEDIA_TYPE'],
    [{ 'content-type': 'multipart/form-data' }, 'INVALID_ARGUMENT'],
    [{ 'content-type': 'multipart/form-data; boundary=' }, 'INVALID_ARGUMENT'],
    // CVE-2026-19484: the parser spun on 252 of them.
    [{ 'content-type': `multipart/form-data; boundary=${'b'.repeat(252)}` }, 'INVALID_ARGUMENT'],
    [{ 'content-encoding': 'gzip' }, 'UNSUPPORTED_MEDIA_TYPE'],
  ])('%j', async (headers: Record<string, string>, code) => {
    expect(await refusalOf(sourceOf([WHOLE], headers))).toMatchObject({ code });
  });
});

describe('an uploaded file', () => {
  test('is deleted when its client disconnects', async () => {
    const controller = new AbortController();
    const source: FormSource = Object.assign(new Readable({ read: () => undefined }), {
      headers: { 'content-type': TYPE },
    });
    source.push(WHOLE.subarray(0, 2_000));
    const reading = readForm(source, { folder, signal: controller.signal, limits: LIMITS });
    setTimeout(() => controller.abort(), 30);
    await expect(reading).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('is deleted when its connection is reset', async () => {
    const source: FormSource = Object.assign(new Readable({ read: () => undefined }), {
      headers: { 'content-type': TYPE },
    });
    source.push(WHOLE.subarray(0, 2_000));
    setTimeout(() => source.destroy(new Error('reset')), 30);
    expect(await refusalOf(source)).toMatchObject({ code: 'CANCELLED' });
  });

  test('is deleted when many clients disconnect at once', async () => {
    for (let round = 0; round < 30; round++) {
      const leaving = Array.from({ length: 16 }, () => read(sourceOf([WHOLE.subarray(0, 2_000)])));
      for (const { status } of await Promise.allSettled(leaving)) expect(status).toBe('rejected');
    }
    // A file that is opened late would exist after another upload has ended.
    for (let quietTurns = 0; quietTurns < 5; quietTurns++) {
      await (await read(sourceOf([WHOLE]))).file?.discard();
      expect(readdirSync(folder)).toEqual([]);
    }
  });

  test('is refused if its folder is missing', async () => {
    home.remove();
    await expect(read(sourceOf([WHOLE]))).rejects.toMatchObject({ code: 'SPOOL_FAILED' });
  });

  test('of an earlier process is deleted, but not one of this process or a foreign file', async () => {
    const { file } = await read(sourceOf([bodyOf([{ name: 'file', value: AUDIO }])]));
    const left = '0a1b2c3d4e5f-00112233445566778899aabb';
    writeFileSync(join(folder, left), '');
    const others = ['0123-4567', `${left}.bak`, 'invoice.pdf', 'photos'];
    for (const name of others.slice(0, 3)) writeFileSync(join(folder, name), 'mine');
    mkdirSync(join(folder, 'photos'));
    writeFileSync(join(folder, 'photos', left), 'mine');
    const ownNames = left.replace('0a', 'ff');
    mkdirSync(join(folder, ownNames));
    sweepUploads(folder);
    expect(readdirSync(folder).sort()).toEqual([basename(file?.path ?? ''), ...others, ownNames].sort());
    expect(readdirSync(join(folder, 'photos'))).toEqual([left]);
    sweepUploads(join(folder, 'not here'));
  });

  test('in a missing folder needs no deletion', async () => {
    await (await Upload.begin(folder)).discard();
  });
});
