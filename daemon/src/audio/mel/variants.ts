/** The front ends that published models were trained with. */
import type { FrontEndConfig } from './front-end.js';

const SAMPLE_RATE = 16_000;
const MS_10 = 160;
const MS_25 = 400;

/**
 * Whisper's (openai/whisper, `audio.py`); also Voxtral's and Step-Audio’s. Raw: each of them clamps and scales it after.
 *
 * @param bands 80, or 128 from large-v3 on
 */
export function whisperMel(bands: number): FrontEndConfig {
  return {
    sampleRate: SAMPLE_RATE,
    hopSamples: MS_10,
    windowSamples: MS_25,
    fftSamples: MS_25,
    windowPlace: 'middle',
    window: 'hann',
    padding: { samples: MS_25 / 2, start: 'reflect', end: 'zero' },
    spectrum: { kind: 'power' },
    mel: { bands, scale: 'slaney', isAreaNormed: true, minHz: 0, maxHz: SAMPLE_RATE / 2 },
    log: { base: 10, floor: 1e-10 },
  };
}

/** The S3 tokenizer’s (`log_mel_spectrogram` of s3tokenizer): Whisper’s, with the end of the audio mirrored, too. */
export function s3Mel(): FrontEndConfig {
  const whisper = whisperMel(128);
  return { ...whisper, padding: { ...whisper.padding, end: 'reflect' } };
}

/** NeMo's (`AudioToMelSpectrogramPreprocessor` without dither), before its normalization of each feature. */
export function nemoMel(bands: number): FrontEndConfig {
  return {
    sampleRate: SAMPLE_RATE,
    hopSamples: MS_10,
    windowSamples: MS_25,
    fftSamples: 512,
    windowPlace: 'middle',
    window: 'symmetric hann',
    padding: { samples: 256, start: 'zero', end: 'zero' },
    preEmphasis: { factor: 0.97, within: 'audio' },
    spectrum: { kind: 'power' },
    mel: { bands, scale: 'slaney', isAreaNormed: true, minHz: 0, maxHz: SAMPLE_RATE / 2 },
    log: { base: 'e', added: 2 ** -24 },
  };
}

/** Kaldi’s filter banks, as speaker models use them: without dither and without energy. */
export function kaldiFilterBanks(bands: number): FrontEndConfig {
  return {
    sampleRate: SAMPLE_RATE,
    hopSamples: MS_10,
    windowSamples: MS_25,
    fftSamples: 512,
    windowPlace: 'left',
    window: 'povey',
    padding: { samples: 0, start: 'zero', end: 'zero' },
    preEmphasis: { factor: 0.97, within: 'frame' },
    isCentered: true,
    spectrum: { kind: 'power' },
    mel: { bands, scale: 'kaldi', isAreaNormed: false, minHz: 20, maxHz: SAMPLE_RATE / 2 },
    log: { base: 'e', floor: 2 ** -23 },
  };
}

interface VocoderMelOptions {
  readonly sampleRate: number;
  readonly hopSamples: number;
  readonly fftSamples: number;
  readonly bands: number;
  readonly maxHz: number;
}

/** Log-magnitude mel of HiFi-GAN’s family, which BigVGAN and most acoustic models of speech share (`mel_spectrogram`). */
export function vocoderMel({ bands, maxHz, fftSamples, ...rates }: VocoderMelOptions): FrontEndConfig {
  return {
    ...rates,
    windowSamples: fftSamples,
    fftSamples,
    windowPlace: 'middle',
    window: 'hann',
    padding: { samples: (fftSamples - rates.hopSamples) / 2, start: 'reflect', end: 'reflect' },
    spectrum: { kind: 'magnitude', added: 1e-9 },
    mel: { bands, scale: 'slaney', isAreaNormed: true, minHz: 0, maxHz },
    log: { base: 'e', floor: 1e-5 },
  };
}

/** Log-magnitude mel of Vocos (`MelSpectrogramFeatures`, mel-24khz). */
export function vocosMel({ bands, maxHz, fftSamples, ...rates }: VocoderMelOptions): FrontEndConfig {
  return {
    ...vocoderMel({ bands, maxHz, fftSamples, ...rates }),
    padding: { samples: fftSamples / 2, start: 'reflect', end: 'reflect' },
    spectrum: { kind: 'magnitude', added: 0 },
    mel: { bands, scale: 'htk', isAreaNormed: false, minHz: 0, maxHz },
    log: { base: 'e', floor: 1e-7 },
  };
}
