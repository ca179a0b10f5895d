/**
 * NVIDIA's Parakeet as converted by mlx-community. The files are float32, float16 on the GPU; `sotto models quantize` makes
 * smaller ones.
 */
import { float32Entry, type Float32Model } from './float32-files.js';
import type { CatalogueEntry } from './catalogue-entry.js';

interface Size extends Pick<
  Float32Model,
  'name' | 'title' | 'revision' | 'bytes' | 'parameters' | 'workBytes' | 'speed'
> {
  /** 10⁹ floating-point operations of the encoder for each second of audio. */
  readonly gigaflopPerSecond: number;
  /** Weights of the prediction network and the joint; none with CTC alone. */
  readonly tokenNumbers: number;
  readonly languages?: CatalogueEntry['languages'];
}

const MB = 1_000_000;
/** The window of a decode step over live speech: `models/parakeet/live-parakeet.ts`. */
const LIVE_SECONDS = 14;

const ENGLISH = ['en'];
/** Those of `models/parakeet/parakeet-languages.ts`, which a test compares. */
const EUROPEAN = 'bg cs da de el en es et fi fr hr hu it lt lv mt nl pl pt ro ru sk sl sv uk'.split(' ');

const SIZES: readonly Size[] = [
  {
    name: 'parakeet-tdt-0.6b-v3',
    title: 'Parakeet 0.6B v3',
    revision: 'ed2b7e8c15f9aaa0b5772e2efb986255eaef7e15',
    bytes: 2_508_532_829,
    parameters: 626_978_438,
    workBytes: 275 * MB,
    gigaflopPerSecond: 15.1,
    tokenNumbers: 12_880_000,
    languages: EUROPEAN,
    speed: 'fast',
  },
  {
    name: 'parakeet-tdt-0.6b-v2',
    title: 'Parakeet 0.6B v2, English',
    revision: '8ae155301e23d820d82aa60d24817c900e69e487',
    bytes: 2_471_596_080,
    parameters: 617_796_230,
    workBytes: 275 * MB,
    gigaflopPerSecond: 15.1,
    tokenNumbers: 8_290_000,
    speed: 'fast',
  },
  {
    name: 'parakeet-tdt_ctc-110m',
    title: 'Parakeet 110M, English',
    parameters: 114_604_679,
    workBytes: 172 * MB,
    gigaflopPerSecond: 2.7,
    tokenNumbers: 4_690_000,
    speed: 'fastest',
  },
  {
    name: 'parakeet-ctc-0.6b',
    title: 'Parakeet CTC 0.6B, English',
    parameters: 608_750_593,
    workBytes: 172 * MB,
    gigaflopPerSecond: 15.1,
    tokenNumbers: 0,
    speed: 'fast',
  },
  {
    name: 'parakeet-rnnt-0.6b',
    title: 'Parakeet RNN-T 0.6B, English',
    parameters: 616_637_953,
    workBytes: 172 * MB,
    gigaflopPerSecond: 15.1,
    tokenNumbers: 8_290_000,
    speed: 'fast',
  },
  {
    name: 'parakeet-tdt-1.1b',
    title: 'Parakeet 1.1B, English',
    parameters: 1_070_344_838,
    workBytes: 172 * MB,
    gigaflopPerSecond: 26.4,
    tokenNumbers: 8_290_000,
    speed: 'medium',
  },
  {
    name: 'parakeet-tdt_ctc-1.1b',
    title: 'Parakeet hybrid 1.1B, English',
    parameters: 1_071_395_463,
    workBytes: 172 * MB,
    gigaflopPerSecond: 26.4,
    tokenNumbers: 8_290_000,
    speed: 'medium',
  },
  {
    name: 'parakeet-ctc-1.1b',
    title: 'Parakeet CTC 1.1B, English',
    parameters: 1_062_454_273,
    workBytes: 172 * MB,
    gigaflopPerSecond: 26.4,
    tokenNumbers: 0,
    speed: 'medium',
  },
  {
    name: 'parakeet-rnnt-1.1b',
    title: 'Parakeet RNN-T 1.1B, English',
    parameters: 1_070_341_633,
    workBytes: 172 * MB,
    gigaflopPerSecond: 26.4,
    tokenNumbers: 8_290_000,
    speed: 'medium',
  },
];

export const PARAKEET = SIZES.map(({ gigaflopPerSecond, languages = ENGLISH, ...size }) =>
  float32Entry({
    ...size,
    family: 'parakeet',
    repo: `mlx-community/${size.name}`,
    liveGigaflop: Math.round(gigaflopPerSecond * LIVE_SECONDS),
    languages,
    license: 'CC-BY-4.0',
  }),
);
