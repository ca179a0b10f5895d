import { SottoError } from '../../protocol/errors.js';
import { fourCc, viewOf } from '../bytes.js';
import { type PcmSource } from '../pcm-source.js';
import { openRawPcm, truncatedError } from '../raw-pcm.js';
import { type SampleFormat } from '../sample-format.js';
import { type PositionedFile, quotePath } from '../positioned-file.js';

const MAX_CHUNKS = 1000;

/** Opens AIFF and AIFC with uncompressed, little-endian (sowt), float, A-law or µ-law samples. */
export async function openAiff(source: PositionedFile): Promise<PcmSource> {
  let common: Common | undefined;
  let data: { start: number; bytes: number | undefined } | undefined;

  for (let at = 12, seen = 0; at + 8 <= source.size && seen < MAX_CHUNKS; seen++) {
    const header = viewOf(await source.read(at, 8));
    const id = fourCc(header, 0);
    const size = header.getUint32(4, false);
    const body = at + 8;
    if (id === 'COMM') {
      common = readCommon(source.path, viewOf(await source.read(body, Math.min(size, 64))));
    } else if (id === 'SSND' && size >= 8) {
      // Two words precede the samples: the offset of the first one, and a block size that is unused.
      const offset = viewOf(await source.read(body, 8)).getUint32(0, false);
      data = { start: body + 8 + offset, bytes: size - 8 - offset };
    }
    if (common !== undefined && data !== undefined) break;
    at = body + size + (size % 2);
    if (at > source.size && data === undefined) throw truncatedError(source.path);
  }
  if (common === undefined || data === undefined || common.frames === 0) {
    throw new SottoError('AUDIO_EMPTY', `${quotePath(source.path)} is an AIFF file without audio`, {
      hint: 'record or export it again',
    });
  }
  const frameBytes = common.channels * common.sampleBytes;
  return openRawPcm(source, {
    container: 'aiff',
    format: common.format,
    sampleRate: common.sampleRate,
    channels: common.channels,
    frameBytes,
    dataStart: data.start,
    dataBytes: common.frames * frameBytes,
  });
}

interface Common {
  channels: number;
  frames: number;
  sampleRate: number;
  format: SampleFormat;
  sampleBytes: number;
}

function readCommon(path: string, view: DataView): Common {
  if (view.byteLength < 18) throw unsupportedError(path, 'a COMM chunk that is too short');
  const channels = view.getUint16(0, false);
  const frames = view.getUint32(2, false);
  const sampleBytes = Math.ceil(view.getUint16(6, false) / 8);
  const sampleRate = extendedFloat(view, 8);
  const encoding = view.byteLength >= 22 ? fourCc(view, 18) : 'NONE'; // AIFC names one, AIFF has none
  const format = sampleFormat(encoding, sampleBytes);
  if (format === undefined) {
    throw unsupportedError(path, `an AIFF encoding that Sotto doesn't read (${JSON.stringify(encoding)})`);
  }
  const stored = encoding.toLowerCase() === 'alaw' || encoding.toLowerCase() === 'ulaw' ? 1 : sampleBytes;
  return { channels, frames, sampleRate, format, sampleBytes: stored };
}

function sampleFormat(encoding: string, bytes: number): SampleFormat | undefined {
  const bigEndian = ([undefined, 's8', 's16be', 's24be', 's32be'] as const)[bytes];
  const littleEndian = ([undefined, 's8', 's16le', 's24le', 's32le'] as const)[bytes];
  switch (encoding) {
    case 'NONE':
    case 'twos':
    case 'in24':
    case 'in32':
      return bigEndian;
    case 'sowt':
      return littleEndian;
    case 'raw ':
      return 'u8';
    case 'fl32':
    case 'FL32':
      return 'f32be';
    case 'fl64':
    case 'FL64':
      return 'f64be';
    case 'alaw':
    case 'ALAW':
      return 'alaw';
    case 'ulaw':
    case 'ULAW':
      return 'mulaw';
    default:
      return undefined;
  }
}

/** Reads the 80-bit extended float that AIFF uses for its sample rate. */
function extendedFloat(view: DataView, at: number): number {
  const exponent = (view.getUint16(at, false) & 0x7fff) - 16383;
  const mantissa = view.getUint32(at + 2, false) * 2 ** -31 + view.getUint32(at + 6, false) * 2 ** -63;
  return mantissa * 2 ** exponent;
}

function unsupportedError(path: string, what: string): SottoError {
  return new SottoError('AUDIO_UNSUPPORTED', `${quotePath(path)} has ${what}`, {
    hint: 'convert it to 16-bit PCM WAV or FLAC',
  });
}
