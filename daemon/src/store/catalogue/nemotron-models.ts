/** NVIDIA's Nemotron streaming. The files are float32, float16 on the GPU; `sotto models quantize` makes smaller ones. */
import { float32Entry, type Float32Model } from './float32-files.js';

type Size = Pick<Float32Model, 'name' | 'title' | 'parameters' | 'tokenNumbers' | 'languages' | 'license'>;

/** Of a file, in float16 on a GPU. */
const WORK_BYTES = 67_000_000;
/** Of the encoder for the longest chunk of a decode step over live speech, 560 ms, and its left context. */
const LIVE_GIGAFLOP = 9;

/** Those of `models/nemotron/nemotron-languages.ts`, which a test compares. */
const PROMPTED =
  'en es zh hi ar fr de ja ru pt ko it nl pl tr uk ro el cs hu sv da fi no sk hr bg lt th vi et lv sl he mt nb nn'.split(
    ' ',
  );

const SIZES: readonly Size[] = [
  {
    name: 'nemotron-speech-streaming-en-0.6b',
    title: 'Nemotron streaming 0.6B, English',
    parameters: 618_079_745,
    tokenNumbers: 7_630_000,
    languages: ['en'],
    license: 'LicenseRef-NVIDIA-Open-Model',
  },
  {
    name: 'nemotron-3.5-asr-streaming-0.6b',
    title: 'Nemotron 3.5 streaming 0.6B',
    parameters: 637_991_968,
    tokenNumbers: 15_360_000,
    languages: PROMPTED,
    license: 'OpenMDW-1.1',
  },
];

export const NEMOTRON = SIZES.map((size) =>
  float32Entry({
    ...size,
    family: 'nemotron',
    repo: `nvidia/${size.name}`,
    workBytes: WORK_BYTES,
    liveGigaflop: LIVE_GIGAFLOP,
    speed: 'fast',
  }),
);
