import { codeOf, SottoError } from '../protocol/errors.js';
import { downmix } from './downmix.js';
import { type PcmSource } from './pcm-source.js';
import { Resampler } from '../signal/resample.js';
import { sniff } from './sniff.js';
import { withSystemAac } from './system-aac.js';
import { PositionedFile, audioFileError, quotePath } from './positioned-file.js';

/** Hz: the input rate of every speech model here. */
export const MODEL_SAMPLE_RATE = 16_000;

/** Decoded audio of a file, ready for a model. */
export interface AudioFile {
  readonly container: string;
  readonly codec: string;
  /** Hz and channel count in the file, before conversion. */
  readonly sampleRate: number;
  readonly channels: number;
  /** From the headers, or estimated; undefined if neither is possible. */
  readonly durationSeconds: number | undefined;
  /**
   * 16 kHz or the requested rate, mono, ±1, in chunks of a second, decoded as they are pulled. Can be iterated once.
   * Throws AUDIO_TRUNCATED after the last chunk if the file ends early.
   */
  readonly samples: AsyncIterable<Float32Array>;
  /** Closes the file and frees the decoder; safe to call twice, and while a chunk is being read. */
  close(): Promise<void>;
}

interface OpenAudioOptions {
  /** Called after each read of the file: shows progress even while no audio is decoded. */
  readonly onRead?: () => void;
  /** Hz of `samples`; default 16,000. */
  readonly sampleRate?: number;
}

/**
 * Opens an audio (or video) file of any supported format, detected from its content, not its name.
 *
 * @throws SottoError AUDIO_NOT_FOUND, AUDIO_UNREADABLE, AUDIO_EMPTY, AUDIO_UNSUPPORTED, AUDIO_TRUNCATED; each
 *   message names the file and each hint says what to do
 * @example
 * const audio = await openAudio('talk.m4a');
 * try {
 *   for await (const chunk of audio.samples) feed(chunk); // Float32Array of up to 16,000 samples
 * } finally {
 *   await audio.close();
 * }
 */
export async function openAudio(
  path: string,
  { onRead, sampleRate = MODEL_SAMPLE_RATE }: OpenAudioOptions = {},
): Promise<AudioFile> {
  const source = await PositionedFile.open(path, onRead);
  try {
    const pcm = await openSource(source, sampleRate);
    const samples = withAudioErrors(source, toRate(sampleRate, path, pcm));
    return {
      container: pcm.container,
      codec: pcm.codec,
      sampleRate: pcm.sampleRate,
      channels: pcm.channels,
      durationSeconds: pcm.durationSeconds,
      samples,
      async close() {
        pcm.stop?.();
        await source.close();
        // Runs the decoder's cleanup. Waits for a chunk that is being decoded.
        await samples.return(undefined).catch(() => undefined);
      },
    };
  } catch (error) {
    await source.close();
    throw asAudioError(path, error);
  }
}

/** Imports the reader of a format on demand: all of them together take 100 ms to load. */
async function openSource(source: PositionedFile, sampleRate: number): Promise<PcmSource> {
  const format = await sniff(source);
  switch (format.kind) {
    case 'wav':
      return (await import('./containers/wav.js')).openWav(source);
    case 'aiff':
      return (await import('./containers/aiff.js')).openAiff(source);
    case 'flac':
      return (await import('./containers/flac.js')).openFlac(source, format.start);
    case 'mp3':
      return (await import('./containers/mp3.js')).openMp3(source, format.start);
    case 'adts':
      return withSystemAac(
        source,
        await (await import('./containers/adts.js')).openAdts(source, format.start),
        sampleRate,
      );
    case 'ogg':
      return (await import('./containers/ogg.js')).openOgg(source);
    case 'mp4':
      return withSystemAac(
        source,
        await (await import('./containers/mp4.js')).openMp4(source, sampleRate),
        sampleRate,
      );
    case 'matroska':
      return (await import('./containers/matroska.js')).openMatroska(source, sampleRate);
    case 'external':
      return (await import('./external-decoder.js')).openExternal(source.path, format.name, {
        onProgress: source.onRead,
        sampleRate,
      });
    case 'unknown':
      throw new SottoError(
        'AUDIO_UNSUPPORTED',
        `${quotePath(source.path)} is not a supported audio file (it looks like ${format.description})`,
        { hint: 'use a WAV, FLAC, MP3, M4A, AAC, OGG, WebM, AIFF or MP4 file' },
      );
  }
}

/** Mixes to mono, resamples, clips, and cuts into chunks of a second. */
async function* toRate(outRate: number, path: string, pcm: PcmSource): AsyncGenerator<Float32Array> {
  let resampler: Resampler | undefined;
  const chunker = new Chunker(outRate);
  let total = 0;
  let truncation: SottoError | undefined;
  try {
    for await (const block of pcm.blocks()) {
      const rate = Math.max(1, Math.round(block.sampleRate));
      if (resampler !== undefined && resampler.inRate !== rate) {
        // The next link of a chained stream has another rate and needs a new resampler.
        chunker.push(resampler.flush());
        resampler = undefined;
      }
      const mono = downmix(block.channels);
      total += mono.length;
      if (rate === outRate) {
        chunker.push(mono);
      } else {
        resampler ??= new Resampler(rate, outRate);
        chunker.push(resampler.push(mono));
      }
      for (let chunk = chunker.read(); chunk !== undefined; chunk = chunker.read()) {
        yield chunk;
        // A decoder that reads from a cache never waits, so the event loop would not run without this.
        await new Promise(setImmediate);
      }
    }
  } catch (error) {
    if (!(error instanceof SottoError && error.code === 'AUDIO_TRUNCATED')) throw error;
    truncation = error; // thrown after the last chunk
  }
  if (resampler !== undefined) chunker.push(resampler.flush());
  for (let chunk = chunker.read(1); chunk !== undefined; chunk = chunker.read(1)) yield chunk;
  if (truncation !== undefined) throw truncation;
  if (total === 0) {
    throw new SottoError('AUDIO_EMPTY', `${quotePath(path)} has no audio`, {
      hint: 'record or export it again',
    });
  }
}

/** Cuts blocks of any size into chunks of one size. */
class Chunker {
  readonly #blocks: Float32Array[] = [];
  #length = 0;

  readonly #chunkSamples: number;

  constructor(chunkSamples: number) {
    this.#chunkSamples = chunkSamples;
  }

  push(block: Float32Array): void {
    if (block.length === 0) return;
    this.#blocks.push(block);
    this.#length += block.length;
  }

  /** The next chunk, or undefined while fewer than `minSamples` samples are buffered. */
  read(minSamples = this.#chunkSamples): Float32Array | undefined {
    if (this.#length < minSamples) return undefined;
    const chunk = new Float32Array(Math.min(this.#length, this.#chunkSamples));
    for (let filled = 0; filled < chunk.length;) {
      const block = this.#blocks.shift();
      if (block === undefined) break;
      const used = block.subarray(0, chunk.length - filled);
      chunk.set(used, filled);
      filled += used.length;
      if (used.length < block.length) this.#blocks.unshift(block.subarray(used.length));
    }
    this.#length -= chunk.length;
    return clip(chunk);
  }
}

/** Clips to ±1 in place, as the reference does by its 16-bit conversion. */
function clip(chunk: Float32Array): Float32Array {
  for (let i = 0; i < chunk.length; i++) {
    const value = chunk[i] as number;
    if (value > 1) chunk[i] = 1;
    else if (value < -1) chunk[i] = -1;
  }
  return chunk;
}

/** Turns everything a decoder throws into a coded error that names the file, and closes the file at the end. */
async function* withAudioErrors(
  source: PositionedFile,
  samples: AsyncGenerator<Float32Array>,
): AsyncGenerator<Float32Array> {
  try {
    yield* samples;
  } catch (error) {
    throw asAudioError(source.path, error);
  } finally {
    await source.close();
  }
}

function asAudioError(path: string, error: unknown): SottoError {
  if (error instanceof SottoError) return error;
  if (codeOf(error)?.startsWith('E') === true) return audioFileError(path, error);
  const reason = error instanceof Error ? error.message : String(error);
  return new SottoError('AUDIO_UNSUPPORTED', `${quotePath(path)} can't be decoded (${reason})`, {
    hint: 'it may be damaged: export or convert it again',
    cause: error,
  });
}
