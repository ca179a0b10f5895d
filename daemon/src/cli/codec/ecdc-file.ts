/**
 * The `.ecdc` files of Meta's package: a header in JSON; then for each segment its scale, if the model has scales, and its codes,
 * frame by frame and codebook by codebook, least significant bit first, filled up to a byte.
 */
import * as v from 'valibot';

import type { Capabilities } from '../../protocol/capabilities.js';
import type { EncodedAudio } from '../../protocol/codec.js';
import { SottoError } from '../../protocol/errors.js';
import { integer } from '../../protocol/fields.js';
import { LsbReader, LsbWriter } from '../../store/codes/bits.js';
import { framedHeader, hasMagic, readFramedHeader } from '../../store/codes/framed-header.js';

const MAGIC = 'ECDC';
const VERSION = 0;
/** Headers of the package have some 60 bytes. */
const MAX_HEADER_BYTES = 4096;
const SCALE_BYTES = 4;

const headerSchema = v.object({
  /** Name of the model. */
  m: v.pipe(v.string(), v.maxLength(200)),
  /** Samples of the audio for each channel. */
  al: v.pipe(integer, v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER)),
  /** Number of codebooks. */
  nc: v.pipe(integer, v.minValue(1), v.maxValue(64)),
  /** Whether an entropy model packed the codes. */
  lm: v.boolean(),
});

const HEADER = {
  ...{ magic: MAGIC, version: VERSION, maxBytes: MAX_HEADER_BYTES, schema: headerSchema },
  invalid,
};

/** What an Encodec model is. */
export type EncodecShape = NonNullable<Capabilities['codec']>;

/**
 * Reads the codes of a file. Lengths are compared with that of the file before any memory is allocated.
 *
 * @throws SottoError INVALID_ARGUMENT for another format, a file that is too short or too long, and one that needs the entropy
 *   model; codes are not yet compared with the model's codebooks
 */
export function readEcdc(bytes: Uint8Array, shape: EncodecShape): EncodedAudio {
  const { fields, end } = readFramedHeader(bytes, HEADER);
  const { al: samples, nc: codebooks, lm: isPacked } = fields;
  if (isPacked) throw invalid('its codes are packed by an entropy model, which is not supported');
  if (codebooks > shape.codebooks) throw invalid(`it has ${codebooks} codebooks, too many`);
  const bits = codeBits(shape);
  const expected = end + bodyBytes(samples, codebooks, bits, shape, bytes.length);
  if (expected !== bytes.length)
    throw invalid(`it has ${bytes.length} bytes, not those of ${samples} samples`);
  const codes = Array.from({ length: codebooks }, (): number[] => []);
  const scales: number[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = end;
  for (const frames of segmentFrames(samples, shape)) {
    if (shape.scales === true) {
      const scale = view.getFloat32(at);
      if (!Number.isFinite(scale) || scale < 0) throw invalid('a scale is negative or not a number');
      scales.push(scale);
      at += SCALE_BYTES;
    }
    const reader = new LsbReader(bytes, at);
    for (let frame = 0; frame < frames; frame++) for (const list of codes) list.push(reader.read(bits));
    at += segmentBytes(frames, codebooks, bits);
  }
  return { samples, codes, ...(shape.scales === true && { scales }) };
}

/**
 * The bytes of a file, as Meta's package writes it without the entropy model.
 *
 * @param encoded codes and scales of a model of this shape
 */
export function writeEcdc({ samples, codes, scales }: EncodedAudio, shape: EncodecShape): Uint8Array {
  const fields = { m: nameOf(shape), al: samples, nc: codes.length, lm: false };
  const parts: Uint8Array[] = [framedHeader(MAGIC, VERSION, fields)];
  const bits = codeBits(shape);
  let [first, index] = [0, 0];
  for (const frames of segmentFrames(samples, shape)) {
    if (shape.scales === true) {
      const scale = Buffer.alloc(SCALE_BYTES);
      scale.writeFloatBE(scales?.[index++] ?? 0);
      parts.push(scale);
    }
    const writer = new LsbWriter(segmentBytes(frames, codes.length, bits));
    for (let frame = first; frame < first + frames; frame++) {
      for (const list of codes) writer.write(list[frame] ?? 0, bits);
    }
    first += frames;
    parts.push(writer.bytes);
  }
  return Buffer.concat(parts);
}

/** Whether bytes begin as those of such a file. */
export const isEcdc = (bytes: Uint8Array): boolean => hasMagic(bytes, MAGIC);

const codeBits = ({ codebookSize }: EncodecShape): number => Math.ceil(Math.log2(codebookSize));

/** The package's own name of the model, by which it chooses one. */
const nameOf = ({ sampleRate }: EncodecShape): string => `encodec_${Math.round(sampleRate / 1000)}khz`;

/** Of one segment: all codes, filled up to a byte. */
const segmentBytes = (frames: number, codebooks: number, bits: number): number =>
  Math.ceil((frames * codebooks * bits) / 8);

/** Bytes behind the header. Stops at `limit`, because the number of samples may be made up. */
function bodyBytes(
  samples: number,
  codebooks: number,
  bits: number,
  shape: EncodecShape,
  limit: number,
): number {
  let sum = 0;
  for (const frames of segmentFrames(samples, shape)) {
    sum += segmentBytes(frames, codebooks, bits) + (shape.scales === true ? SCALE_BYTES : 0);
    if (sum > limit) break;
  }
  return sum;
}

/** The frames of each segment. A codec without segments has one of any length. */
function* segmentFrames(
  samples: number,
  { sampleRate, framesPerSecond, segment }: EncodecShape,
): Generator<number> {
  const hop = Math.round(sampleRate / framesPerSecond);
  const { samples: length, stride } = segment ?? { samples: Infinity, stride: Infinity };
  for (let offset = 0; offset < samples; offset += stride) {
    yield Math.ceil(Math.min(length, samples - offset) / hop);
  }
}

function invalid(problem: string, cause?: unknown): SottoError {
  return new SottoError('INVALID_ARGUMENT', `not a readable .ecdc file: ${problem}`, { cause });
}
