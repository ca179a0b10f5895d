import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openAudio } from '#daemon/audio/decode-file.js';
import { SottoError } from '#daemon/protocol/errors.js';

const root = resolve(fileURLToPath(import.meta.url), '../../../..');

/** Path of a committed clip. */
export function clip(name: string): string {
  return join(root, 'test/fixtures/audio', name);
}

/** Creates a temporary folder for the files of a test suite. */
export function scratch(): {
  write: (name: string, bytes: Uint8Array) => string;
  folder: string;
  remove: () => void;
} {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-test-audio-'));
  return {
    folder,
    write(name, bytes) {
      const path = join(folder, name);
      writeFileSync(path, bytes);
      return path;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export interface Decoded {
  samples: Float32Array;
  chunks: number[];
  durationSeconds: number | undefined;
  container: string;
  codec: string;
  sampleRate: number;
  channels: number;
  /** Error at the end of the stream. */
  error: SottoError | undefined;
}

/** Decodes a file; returns a coded error at its end, and throws other errors. */
export async function decodeAll(path: string): Promise<Decoded> {
  const audio = await openAudio(path);
  const parts: Float32Array[] = [];
  let error: SottoError | undefined;
  try {
    for await (const chunk of audio.samples) parts.push(chunk);
  } catch (thrown) {
    if (!(thrown instanceof SottoError)) throw thrown;
    error = thrown;
  } finally {
    await audio.close();
  }
  const { durationSeconds, container, codec, sampleRate, channels } = audio;
  const chunks = parts.map(({ length }) => length);
  return { samples: concat(parts), chunks, error, durationSeconds, container, codec, sampleRate, channels };
}

/** Returns the coded error of opening or decoding a file. */
export async function errorOf(path: string): Promise<SottoError> {
  try {
    const { error } = await decodeAll(path);
    if (error !== undefined) return error;
  } catch (error) {
    if (error instanceof SottoError) return error;
    throw error;
  }
  throw new Error(`${path} was decoded without an error`);
}

export function concat(parts: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Signal-to-error ratio in dB over the common length. */
export function signalToError(reference: Float32Array, other: Float32Array): number {
  let signal = 0;
  let error = 0;
  for (let i = 0; i < Math.min(reference.length, other.length); i++) {
    const value = reference[i] ?? 0;
    signal += value ** 2;
    error += (value - (other[i] ?? 0)) ** 2;
  }
  return 10 * Math.log10(signal / error);
}

/** `seconds` of a sine at ±amplitude. */
export function sine(hertz: number, sampleRate: number, seconds: number, amplitude = 0.5): Float32Array {
  return Float32Array.from(
    { length: Math.round(sampleRate * seconds) },
    (_, n) => amplitude * Math.sin((2 * Math.PI * hertz * n) / sampleRate),
  );
}

interface WavOptions {
  /** Format tag: 1 PCM, 3 float, 6 A-law, 7 µ-law. */
  tag?: number;
  bits?: number;
  channels?: number;
  sampleRate?: number;
  /** Whether to write an extensible header with the tag in its sub-format. */
  extensible?: boolean;
  /** Overrides the correct size. */
  dataSize?: number;
  riff?: string;
  /** Chunks before the data. */
  before?: Uint8Array;
}

/** A WAV file with these sample bytes. */
export function wav(data: Uint8Array, options: WavOptions = {}): Uint8Array {
  const { tag = 1, bits = 16, channels = 1, sampleRate = 16000, extensible = false, riff = 'RIFF' } = options;
  const frame = channels * Math.ceil(bits / 8);
  const format = Buffer.alloc(extensible ? 40 : 16);
  format.writeUInt16LE(extensible ? 0xfffe : tag, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(sampleRate, 4);
  format.writeUInt32LE((sampleRate * frame) >>> 0, 8);
  format.writeUInt16LE(frame & 0xffff, 12);
  format.writeUInt16LE(bits, 14);
  if (extensible) {
    format.writeUInt16LE(22, 16);
    format.writeUInt16LE(bits, 18);
    format.writeUInt16LE(tag, 24);
  }
  const ds64 = Buffer.alloc(28);
  ds64.writeBigUInt64LE(BigInt(data.length), 8);
  const wide = riff !== 'RIFF';
  const size = options.dataSize ?? (wide ? 0xffffffff : data.length);
  const body = Buffer.concat([
    Buffer.from('WAVE'),
    wide ? riffChunk('ds64', ds64) : Buffer.alloc(0),
    riffChunk('fmt ', format),
    options.before ?? new Uint8Array(0),
    riffChunk('data', data, size),
  ]);
  return Buffer.concat([riffChunk(riff, body, wide ? 0xffffffff : body.length)]);
}

export function riffChunk(id: string, body: Uint8Array, size = body.length): Buffer {
  const head = Buffer.alloc(8);
  head.write(id, 'latin1');
  head.writeUInt32LE(size >>> 0, 4);
  return Buffer.concat([head, body, Buffer.alloc(body.length % 2)]);
}

/** Sample bytes of 16-bit PCM. */
export function pcm16(samples: ArrayLike<number>): Uint8Array {
  const bytes = Buffer.alloc(samples.length * 2);
  for (let i = 0; i < samples.length; i++) bytes.writeInt16LE(Math.round((samples[i] ?? 0) * 32767), i * 2);
  return bytes;
}
