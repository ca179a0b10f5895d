/**
 * `.codes` files: the codes of one recording in as few bits as they need. Magic, version, length of the header (32 bits, big
 * endian), header (JSON), scales (32-bit floats, big endian), then the codes of one codebook after the other, least significant
 * bit first, filled up to a byte at the end.
 */
import * as v from 'valibot';
import type { EncodedAudio } from '../../protocol/codec.js';
import { SottoError } from '../../protocol/errors.js';
import { integer } from '../../protocol/fields.js';
import { LIMITS } from '../../protocol/version.js';
import { LsbReader, LsbWriter } from './bits.js';
import { framedHeader, hasMagic, readFramedHeader } from './framed-header.js';

export const PACKED_CODES_SUFFIX = '.codes';

const MAGIC = 'SOTC';
const VERSION = 1;
const MAX_HEADER_BYTES = 64 * 1024;
const SCALE_BYTES = 4;
const MAX_CODE_BITS = 31;
const MAX_CODEBOOKS = 64;

const count = v.pipe(integer, v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));

const headerSchema = v.object({
  /** Name of the model that decodes them. */
  model: v.pipe(v.string(), v.minLength(1), v.maxLength(LIMITS.maxPathLength)),
  /** In Hz. */
  sampleRate: v.pipe(integer, v.minValue(1)),
  samples: count,
  /** Bits of each code. */
  bits: v.pipe(integer, v.minValue(1), v.maxValue(MAX_CODE_BITS)),
  /** Codes of each codebook. */
  frames: v.pipe(v.array(count), v.maxLength(MAX_CODEBOOKS)),
  /** Number of scales; absent for a codec that has none. */
  scales: v.exactOptional(count),
});

const HEADER = {
  ...{ magic: MAGIC, version: VERSION, maxBytes: MAX_HEADER_BYTES, schema: headerSchema },
  invalid,
};

/** What a file holds: the codes, and what is needed to decode them. */
export type PackedCodes = EncodedAudio & {
  readonly model: string;
  /** In Hz. */
  readonly sampleRate: number;
};

/** The bytes of a file. */
export function packCodes({ model, sampleRate, samples, codes, scales }: PackedCodes): Uint8Array {
  let largest = 1;
  for (const list of codes) for (const code of list) largest = Math.max(largest, code);
  const bits = Math.floor(Math.log2(largest)) + 1;
  const frames = codes.map((list) => list.length);
  const counts = scales === undefined ? {} : { scales: scales.length };
  const header = framedHeader(MAGIC, VERSION, { model, sampleRate, samples, bits, frames, ...counts });
  const loudness = Buffer.alloc(SCALE_BYTES * (scales?.length ?? 0));
  scales?.forEach((scale, index) => loudness.writeFloatBE(scale, SCALE_BYTES * index));
  const writer = new LsbWriter(codeBytes(frames, bits));
  for (const list of codes) for (const code of list) writer.write(code, bits);
  return Buffer.concat([header, loudness, writer.bytes]);
}

/**
 * Reads the bytes of a file. Its lengths are compared with that of the file before any memory is allocated; codes are not yet
 * compared with the model's codebooks.
 *
 * @throws SottoError INVALID_ARGUMENT for another format, and a file that is too short or too long
 */
export function unpackCodes(bytes: Uint8Array): PackedCodes {
  const { fields, end } = readFramedHeader(bytes, HEADER);
  const { bits, frames, scales: scaleCount, ...rest } = fields;
  const scaleBytes = SCALE_BYTES * (scaleCount ?? 0);
  const expected = end + scaleBytes + codeBytes(frames, bits);
  if (expected !== bytes.length) throw invalid(`it has ${bytes.length} bytes instead of ${expected}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const scales = Array.from({ length: scaleCount ?? 0 }, (_, i) => view.getFloat32(end + SCALE_BYTES * i));
  if (scales.some((scale) => !Number.isFinite(scale) || scale < 0))
    throw invalid('a scale is negative or not a number');
  const reader = new LsbReader(bytes, end + scaleBytes);
  const codes = frames.map((length) => Array.from({ length }, () => reader.read(bits)));
  return { ...rest, codes, ...(scaleCount !== undefined && { scales }) };
}

/** Whether bytes begin as those of such a file. */
export const isPackedCodes = (bytes: Uint8Array): boolean => hasMagic(bytes, MAGIC);

const codeBytes = (frames: readonly number[], bits: number): number =>
  Math.ceil((frames.reduce((sum, length) => sum + length, 0) * bits) / 8);

function invalid(problem: string, cause?: unknown): SottoError {
  return new SottoError('INVALID_ARGUMENT', `not a readable .codes file: ${problem}`, { cause });
}
