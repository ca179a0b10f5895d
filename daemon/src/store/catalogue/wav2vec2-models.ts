/**
 * Wav2Vec2 with a CTC head: letters without punctuation, and the times of a known text. Only repositories that are known to
 * have safetensors are here; some have them in a proposed change only.
 */
import { float32Entry, type Float32Model } from './float32-files.js';

const MB = 1_000_000;

const LARGE = {
  parameters: 315_470_368,
  workBytes: 131 * MB,
  liveGigaflop: 1_050,
  license: 'Apache-2.0',
  speed: 'medium',
} as const;

const MODELS: readonly Omit<Float32Model, 'family' | 'tokenNumbers'>[] = [
  {
    name: 'wav2vec2-base-960h',
    title: 'Wav2Vec2 base, English letters',
    repo: 'facebook/wav2vec2-base-960h',
    revision: '22aad52d435eb6dbaf354bdad9b0da84ce7d6156',
    parameters: 94_395_424,
    workBytes: 263 * MB,
    liveGigaflop: 400,
    languages: ['en'],
    license: 'Apache-2.0',
    speed: 'fast',
  },
  {
    ...LARGE,
    name: 'wav2vec2-large-960h-lv60-self',
    title: 'Wav2Vec2 large, English letters',
    repo: 'facebook/wav2vec2-large-960h-lv60-self',
    revision: 'refs/pr/5',
    languages: ['en'],
  },
  {
    ...LARGE,
    name: 'wav2vec2-large-xlsr-53-english',
    title: 'Wav2Vec2 XLSR-53, English letters',
    repo: 'jonatasgrosman/wav2vec2-large-xlsr-53-english',
    languages: ['en'],
  },
  {
    ...LARGE,
    name: 'wav2vec2-large-xlsr-53-japanese',
    title: 'Wav2Vec2 XLSR-53, Japanese characters',
    repo: 'jonatasgrosman/wav2vec2-large-xlsr-53-japanese',
    revision: 'refs/pr/2',
    parameters: 317_841_193,
    languages: ['ja'],
  },
  {
    name: 'mms-1b-all',
    title: 'MMS 1B, letters of many languages',
    repo: 'facebook/mms-1b-all',
    parameters: 964_844_442,
    workBytes: 164 * MB,
    liveGigaflop: 3_040,
    // Those of the adapters that are pulled with it.
    languages: [],
    license: 'CC-BY-NC-4.0',
    isNonCommercial: true,
    speed: 'slow',
  },
];

export const WAV2VEC2 = MODELS.map((model) =>
  float32Entry({ ...model, family: 'wav2vec2', tokenNumbers: 0 }),
);
