import { SottoError } from '../../protocol/errors.js';
import { fourCc, viewOf } from '../bytes.js';
import { type PcmSource } from '../pcm-source.js';
import { openRawPcm, truncatedError } from '../raw-pcm.js';
import { type SampleFormat } from '../sample-format.js';
import { type PositionedFile, quotePath } from '../positioned-file.js';

const PCM = 1;
const IEEE_FLOAT = 3;
const ALAW = 6;
const MULAW = 7;
const EXTENSIBLE = 0xfffe; // the real tag is the first two bytes of the sub-format GUID

/** Real files have a few chunks; a sparse file of zeros would have a hundred billion. */
const MAX_CHUNKS = 1000;

/** A writer that cannot seek back leaves the size open: 0, all ones, or (sox, ffmpeg) just under 2 GiB. */
function isOpenEnded(size: number): boolean {
  return size === 0 || size >= 0x7ffff000;
}

/** Opens RIFF/WAVE, RF64 and BW64: integer PCM of 8 to 32 bits, float of 32 and 64, A-law and µ-law. */
export async function openWav(source: PositionedFile): Promise<PcmSource> {
  const head = viewOf(await source.read(0, 12));
  const wide = fourCc(head, 0) !== 'RIFF';
  let format: Uint8Array | undefined;
  let wideDataBytes: number | undefined;

  for (let at = 12, seen = 0; at + 8 <= source.size && seen < MAX_CHUNKS; seen++) {
    const header = viewOf(await source.read(at, 8));
    const id = fourCc(header, 0);
    const size = header.getUint32(4, true);
    const body = at + 8;
    if (id === 'ds64' && size >= 16) {
      const sizes = viewOf(await source.read(body, 16));
      if (sizes.byteLength === 16) wideDataBytes = Number(sizes.getBigUint64(8, true));
    } else if (id === 'fmt ') {
      format = await source.read(body, Math.min(size, 40));
    } else if (id === 'data') {
      if (format === undefined) break;
      const dataBytes = wide && size === 0xffffffff ? wideDataBytes : isOpenEnded(size) ? undefined : size;
      return openRawPcm(source, {
        container: 'wav',
        ...readFormat(source.path, format),
        dataStart: body,
        dataBytes: dataBytes === 0 ? undefined : dataBytes,
      });
    }
    at = body + size + (size % 2); // chunks are padded to an even length
    if (at > source.size) throw truncatedError(source.path);
  }
  throw new SottoError('AUDIO_EMPTY', `${quotePath(source.path)} is a WAV file without audio`, {
    hint: 'record or export it again',
  });
}

function readFormat(path: string, bytes: Uint8Array) {
  const view = viewOf(bytes);
  if (view.byteLength < 16) throw unsupportedError(path, 'a format chunk that is too short');
  const tag = view.getUint16(0, true);
  const channels = view.getUint16(2, true);
  const sampleRate = view.getUint32(4, true);
  const bits = view.getUint16(14, true);
  const declaredFrame = view.getUint16(12, true);
  const kind = tag === EXTENSIBLE && view.byteLength >= 26 ? view.getUint16(24, true) : tag;
  const format = sampleFormat(kind, bits);
  if (format === undefined) {
    throw unsupportedError(path, `a WAV encoding that Sotto doesn't read (format ${kind}, ${bits} bits)`);
  }
  // Some writers set a frame size of 0 or a wrong one; the size that the samples need is then correct.
  const needed = channels * Math.ceil(bits / 8);
  return { format, channels, sampleRate, frameBytes: declaredFrame >= needed ? declaredFrame : needed };
}

/** Odd depths (12, 20 bits) are stored left-justified in whole bytes, so the number of bytes decides. */
function sampleFormat(tag: number, bits: number): SampleFormat | undefined {
  const bytes = Math.ceil(bits / 8);
  if (tag === PCM) {
    return bytes === 1
      ? 'u8'
      : bytes === 2
        ? 's16le'
        : bytes === 3
          ? 's24le'
          : bytes === 4
            ? 's32le'
            : undefined;
  }
  if (tag === IEEE_FLOAT) return bytes === 4 ? 'f32le' : bytes === 8 ? 'f64le' : undefined;
  if (tag === ALAW && bytes === 1) return 'alaw';
  if (tag === MULAW && bytes === 1) return 'mulaw';
  return undefined;
}

function unsupportedError(path: string, what: string): SottoError {
  return new SottoError('AUDIO_UNSUPPORTED', `${quotePath(path)} has ${what}`, {
    hint: 'convert it to 16-bit PCM WAV or FLAC',
  });
}
