import { viewOf } from './bytes.js';
import { type PositionedFile } from './positioned-file.js';

/** Format of a file, detected from its first bytes; its name is ignored. */
type Sniffed =
  | { readonly kind: 'wav' | 'aiff' | 'ogg' | 'mp4' | 'matroska' }
  /** Formats that may follow an ID3 tag: `start` is the offset of their first byte. */
  | { readonly kind: 'flac' | 'mp3' | 'adts'; readonly start: number }
  /** Audio in a format that only an external decoder reads. */
  | { readonly kind: 'external'; readonly name: string }
  /** Not audio: `description` is for the error message. */
  | { readonly kind: 'unknown'; readonly description: string };

const PROBE_BYTES = 16 * 1024;

export async function sniff(source: PositionedFile): Promise<Sniffed> {
  const head = await source.read(0, PROBE_BYTES);
  const format = matchMagic(head);
  if (format !== undefined) return format;
  const tagEnd = id3Length(head);
  if (tagEnd > 0) {
    const body = await source.read(tagEnd, PROBE_BYTES);
    if (latin1(body, 0, 4) === 'fLaC') return { kind: 'flac', start: tagEnd };
    return frames(body, tagEnd) ?? { kind: 'unknown', description: 'an ID3 tag with no audio after it' };
  }
  return frames(head, 0) ?? { kind: 'unknown', description: describeContent(head) };
}

function matchMagic(head: Uint8Array): Sniffed | undefined {
  const first = latin1(head, 0, 4);
  const formType = latin1(head, 8, 4);
  if ((first === 'RIFF' || first === 'RF64' || first === 'BW64') && formType === 'WAVE')
    return { kind: 'wav' };
  if (first === 'FORM' && (formType === 'AIFF' || formType === 'AIFC')) return { kind: 'aiff' };
  if (first === 'fLaC') return { kind: 'flac', start: 0 };
  if (first === 'OggS') return { kind: 'ogg' };
  if (first === '\x1aE\xdf\xa3') return { kind: 'matroska' };
  if (['ftyp', 'moov', 'mdat', 'styp'].includes(latin1(head, 4, 4))) return { kind: 'mp4' };
  if (['free', 'skip', 'wide'].includes(latin1(head, 4, 4)) && head[0] === 0) return { kind: 'mp4' };
  const external = EXTERNAL_FORMATS.find(([at, magic]) => latin1(head, at, magic.length) === magic);
  if (external !== undefined) return { kind: 'external', name: external[2] };
  // MPEG transport stream: a sync byte every 188 bytes.
  if (head[0] === 0x47 && head[188] === 0x47 && head[376] === 0x47)
    return { kind: 'external', name: 'MPEG-TS' };
  return undefined;
}

const EXTERNAL_FORMATS: readonly (readonly [at: number, magic: string, name: string])[] = [
  [0, 'caff', 'Core Audio'],
  [0, '#!AMR', 'AMR'],
  [0, '\x30\x26\xb2\x75\x8e\x66\xcf\x11', 'Windows Media'],
  [0, 'wvpk', 'WavPack'],
  [0, 'MAC ', "Monkey's Audio"],
  [0, 'TTA1', 'True Audio'],
  [0, 'FLV\x01', 'Flash video'],
  [0, 'riff\x2e\x91\xcf\x11', 'Wave64'],
  [0, 'RIFX', 'big-endian WAV'],
  [0, '.snd', 'AU'],
  [8, 'AVI ', 'AVI'],
  [0, '\x00\x00\x01\xba', 'MPEG program stream'],
  [0, '\x0b\x77', 'AC-3'],
  [0, '\x7f\xfe\x80\x01', 'DTS'],
  [0, 'DSD ', 'DSD'],
  [0, 'MP+', 'Musepack'],
  [0, 'MPCK', 'Musepack'],
];

/** Length of a leading ID3v2 tag in bytes; 0 if there is none. */
function id3Length(head: Uint8Array): number {
  if (latin1(head, 0, 3) !== 'ID3' || head.length < 10) return 0;
  const [a = 0, b = 0, c = 0, d = 0] = head.subarray(6, 10);
  const footer = ((head[5] ?? 0) & 0x10) !== 0 ? 10 : 0;
  return 10 + ((a & 0x7f) << 21) + ((b & 0x7f) << 14) + ((c & 0x7f) << 7) + (d & 0x7f) + footer;
}

/** Bytes that may precede the first frame of an MP3 or AAC stream (padding after a tag). */
const MAX_LEAD_BYTES = 8 * 1024;

/** Detects MP3 or ADTS by consecutive frames; a single sync word may occur by chance. */
function frames(bytes: Uint8Array, base: number): Sniffed | undefined {
  const lead = Math.min(MAX_LEAD_BYTES, bytes.length - 7);
  for (let at = 0; at <= lead; at++) {
    if (bytes[at] !== 0xff || ((bytes[at + 1] ?? 0) & 0xe0) !== 0xe0) continue;
    for (const [kind, frameLength] of [
      ['mp3', mp3FrameLength],
      ['adts', adtsFrameLength],
    ] as const) {
      // Text and pictures contain sync words by chance, so more frames are required except at the very start.
      if (countConsecutiveFrames(bytes, at, frameLength) >= (at === 0 ? 2 : 4))
        return { kind, start: base + at };
    }
  }
  return undefined;
}

/** Counts consecutive frames from `at`, at most 4; a frame that ends beyond `bytes` counts as 4. */
function countConsecutiveFrames(
  bytes: Uint8Array,
  at: number,
  frameLength: (b: Uint8Array, at: number) => number,
): number {
  let count = 0;
  for (let next = at; count < 4; count++) {
    if (count > 0 && next + 7 > bytes.length) return 4;
    const length = frameLength(bytes, next);
    if (length === 0) return count;
    next += length;
  }
  return count;
}

// Bit rates in kbit/s by version and layer (ISO 11172-3, 13818-3): [V1 L1, V1 L2, V1 L3, V2 L1, V2 L2 and L3].
const BIT_RATES = [
  [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];
const MPEG1_RATES = [44100, 48000, 32000];

export interface Mp3Frame {
  readonly bytes: number;
  readonly samples: number;
  readonly sampleRate: number;
  readonly channels: number;
  readonly bitRate: number;
  /** Offset of a Xing header from the start of the frame. */
  readonly xingAt: number;
}

/** Parses the MPEG audio frame header at `at`; undefined if there is none, and for free-format streams. */
export function mp3Frame(bytes: Uint8Array, at: number): Mp3Frame | undefined {
  if (at + 4 > bytes.length) return undefined;
  const header = viewOf(bytes).getUint32(at, false);
  if (header >>> 21 !== 0x7ff) return undefined;
  const version = (header >>> 19) & 3; // 0: MPEG 2.5, 2: MPEG 2, 3: MPEG 1
  const layer = 4 - ((header >>> 17) & 3); // 4: reserved (used by ADTS)
  const rateIndex = (header >>> 10) & 3;
  if (version === 1 || layer === 4 || rateIndex === 3) return undefined;
  const first = version === 3;
  const bitRate = (BIT_RATES[first ? layer - 1 : layer === 1 ? 3 : 4]?.[(header >>> 12) & 15] ?? 0) * 1000;
  if (bitRate === 0) return undefined;
  const sampleRate = (MPEG1_RATES[rateIndex] ?? 0) / (first ? 1 : version === 2 ? 2 : 4);
  const samples = layer === 1 ? 384 : layer === 3 && !first ? 576 : 1152;
  const padding = (header >>> 9) & 1;
  const mono = ((header >>> 6) & 3) === 3;
  const length =
    layer === 1
      ? (Math.floor((12 * bitRate) / sampleRate) + padding) * 4
      : Math.floor(((samples / 8) * bitRate) / sampleRate) + padding;
  const sideInfo = first ? (mono ? 17 : 32) : mono ? 9 : 17;
  return { bytes: length, samples, sampleRate, channels: mono ? 1 : 2, bitRate, xingAt: 4 + sideInfo };
}

function mp3FrameLength(bytes: Uint8Array, at: number): number {
  return mp3Frame(bytes, at)?.bytes ?? 0;
}

/** Length of the ADTS frame at `at`, including its header; 0 if there is none. */
export function adtsFrameLength(bytes: Uint8Array, at: number): number {
  if (at + 7 > bytes.length || bytes[at] !== 0xff || ((bytes[at + 1] ?? 0) & 0xf6) !== 0xf0) return 0;
  if ((((bytes[at + 2] ?? 0) >> 2) & 15) > 12) return 0; // sample rate index
  const length =
    (((bytes[at + 3] ?? 0) & 3) << 11) | ((bytes[at + 4] ?? 0) << 3) | ((bytes[at + 5] ?? 0) >> 5);
  return length > 7 ? length : 0;
}

function describeContent(head: Uint8Array): string {
  if (latin1(head, 0, 5) === '%PDF-') return 'a PDF document';
  if (latin1(head, 0, 2) === 'PK') return 'a ZIP archive or office document';
  if (latin1(head, 1, 3) === 'PNG' || (head[0] === 0xff && head[1] === 0xd8)) return 'a picture';
  if (head.every((byte) => byte === 0)) return 'only zeros';
  const controls = head.filter((byte) => byte < 9 || (byte > 13 && byte < 32)).length;
  return controls === 0 ? 'text' : 'something else';
}

/** Decodes bytes as Latin-1, so that every byte can be written in a string literal. */
function latin1(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}
