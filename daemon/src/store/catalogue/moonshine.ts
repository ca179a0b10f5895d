/**
 * Moonshine for English. The files on the Hub are float32, float16 on the GPU; `sotto models quantize` makes smaller ones.
 */
import { float32Entry } from './float32-files.js';

interface Size {
  readonly name: string;
  readonly parameters: number;
  /** Working memory of a piece of 30 s in float16 on a GPU: `models/moonshine/moonshine-footprint.ts`. */
  readonly workBytes: number;
  /** 10⁹ floating-point operations of the encoder for 30 s, the longest piece. */
  readonly gigaflop: number;
  /** Values read for each token: the decoder, the embedding, and the piece's keys and values. */
  readonly tokenWeights: number;
  readonly tokenMemory: number;
}

const MB = 1_000_000;

const SIZES: readonly Size[] = [
  {
    name: 'tiny',
    parameters: 27_092_736,
    workBytes: 25 * MB,
    gigaflop: 36,
    tokenWeights: 18_419_616,
    tokenMemory: 4_309_632,
  },
  {
    name: 'base',
    parameters: 61_513_920,
    workBytes: 40 * MB,
    gigaflop: 85,
    tokenWeights: 38_598_560,
    tokenMemory: 8_300_032,
  },
];

export const MOONSHINE = SIZES.map(({ name, gigaflop, tokenWeights, tokenMemory, ...size }) =>
  float32Entry({
    ...size,
    name: `moonshine-${name}`,
    title: `Moonshine ${name}, English`,
    family: 'moonshine',
    repo: `UsefulSensors/moonshine-${name}`,
    liveGigaflop: gigaflop,
    tokenNumbers: tokenWeights + tokenMemory,
    languages: ['en'],
    license: 'MIT',
    speed: 'fastest',
  }),
);
