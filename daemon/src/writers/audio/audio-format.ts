/** The formats of audio files: chosen by the name of the file, loaded when one is written. */
import { extname } from 'node:path';
import { SottoError } from '../../protocol/errors.js';
import type { WavFormat } from '../../signal/wav-format.js';
import type { AudioFileEncoder } from './audio-file-encoder.js';
import { resampling } from './resampling.js';
import { WavEncoder } from './wav-encoder.js';

export type AudioFormat = 'wav' | 'flac' | 'mp3' | 'opus';

const FORMATS: ReadonlySet<string> = new Set<AudioFormat>(['wav', 'flac', 'mp3', 'opus']);

/**
 * The format that the extension names; WAV without one.
 * @param samples `float32` fits only into WAV
 * @throws SottoError INVALID_ARGUMENT
 */
export function audioFormatOf(path: string, samples: WavFormat): AudioFormat {
  const extension = extname(path).slice(1).toLowerCase();
  const format = extension === '' ? 'wav' : extension;
  if (!isFormat(format)) {
    throw new SottoError('INVALID_ARGUMENT', `audio can’t be written as .${extension}`, {
      hint: 'name a .wav, .flac, .mp3 or .opus file',
    });
  }
  if (samples === 'float32' && format !== 'wav') {
    throw new SottoError('INVALID_ARGUMENT', `a .${format} file can’t hold float samples`, {
      hint: 'omit --float, or name a .wav file',
    });
  }
  return format;
}

interface AudioFileOptions {
  readonly format: AudioFormat;
  /** Hz of the samples. MP3 and Opus are resampled to a rate that they have. */
  readonly sampleRate: number;
  /** Only for WAV; the others are made of 16 bits, or of what the codec makes of floats. */
  readonly samples: WavFormat;
}

/** Loads the encoder of the format. */
export async function createAudioEncoder({
  format,
  sampleRate,
  samples,
}: AudioFileOptions): Promise<AudioFileEncoder> {
  switch (format) {
    case 'wav':
      return new WavEncoder(sampleRate, samples);
    case 'flac': {
      const { FlacEncoder } = await import('./flac/flac-encoder.js');
      return new FlacEncoder(sampleRate);
    }
    case 'mp3': {
      const { Mp3Encoder, mp3RateFor } = await import('./mp3-encoder.js');
      const rate = mp3RateFor(sampleRate);
      return resampling(await Mp3Encoder.create(rate), sampleRate, rate);
    }
    case 'opus': {
      const { OpusEncoder, OPUS_RATE } = await import('./opus/opus-encoder.js');
      return resampling(await OpusEncoder.create(sampleRate), sampleRate, OPUS_RATE);
    }
  }
}

function isFormat(name: string): name is AudioFormat {
  return FORMATS.has(name);
}
