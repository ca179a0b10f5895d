/**
 * Whisper and its distilled relatives.
 *
 * Sizes of pinned revisions are those of `config.json` and the weights, as listed by the Hub. Among repositories
 * with the same weights, the one whose revision many programs pin is used. MLX's own repositories come first: they
 * are half the size of OpenAI's float32 files.
 */
import type { CatalogueEntry, Precision, SpeedClass } from './catalogue-entry.js';
import { defined } from '../../protocol/defined.js';

interface Size {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly title: string;
  readonly parameters: number;
  /**
   * Working memory of a window of 30 s, besides the weights: `models/whisper/memory/work-bytes.ts`, in float16 on a
   * GPU.
   */
  readonly workBytes: number;
  readonly live: LiveWork;
  readonly languages: CatalogueEntry['languages'];
  readonly license?: CatalogueEntry['license'];
  readonly speed: SpeedClass;
  readonly forms: readonly Form[];
}

/** Cost of a decode step over the longest live window: `models/whisper/memory/flop.ts`. */
interface LiveWork {
  /** 10⁹ floating-point operations per window. */
  readonly gigaflop: number;
  /** Values read per token: weights, and the window's keys and values. */
  readonly tokenWeights: number;
  readonly tokenMemory: number;
}

interface Form {
  readonly precision: Precision;
  readonly repo: string;
  readonly revision?: string;
  /** As published; estimated if left out. */
  readonly bytes?: number;
}

/** Bytes per weight, including scales and the parts that stay float16, taken from the published turbo models. */
const BYTES_PER_WEIGHT: Readonly<Record<Precision, number>> = { float16: 2, '8-bit': 1.07, '4-bit': 0.575 };

const ENGLISH = ['en'];
/** Those of `models/whisper/language`, which a test compares. */
const MULTILINGUAL = (
  'en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml cy sk ' +
  'te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo ' +
  'ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su'
).split(' ');
const WITH_CANTONESE = [...MULTILINGUAL, 'yue'];

const MB = 1_000_000;
const FLOAT16_BYTES = 2;

/** Resident memory of the process besides MLX's own. */
export const PROCESS_BYTES = 150 * MB;
/** MLX's cache at the engine's limit, relative to the working memory of a window. Estimated. */
export const KEPT_FOR_REUSE = 1.5;

const form = (precision: Precision, repo: string, revision?: string, bytes?: number): Form => ({
  precision,
  repo,
  ...defined({ revision, bytes }),
});

const live = (gigaflop: number, tokenWeights: number, tokenMemory: number): LiveWork => ({
  gigaflop,
  tokenWeights,
  tokenMemory,
});

const SIZES: readonly Size[] = [
  {
    name: 'whisper-tiny',
    aliases: ['tiny'],
    title: 'Whisper tiny',
    parameters: 37_184_640,
    workBytes: 75 * MB,
    live: live(14, 28_173_696, 1_996_800),
    languages: MULTILINGUAL,
    speed: 'fastest',
    forms: [
      form(
        'float16',
        'mlx-community/whisper-tiny-mlx',
        '6caf9c55601caafbe6508a8b0d216bdf4783c4e8',
        74_418_802,
      ),
      form('8-bit', 'mlx-community/whisper-tiny-mlx-8bit'),
      form('4-bit', 'mlx-community/whisper-tiny-mlx-4bit'),
    ],
  },
  {
    name: 'whisper-tiny.en',
    aliases: ['tiny.en'],
    title: 'Whisper tiny, English',
    parameters: 37_184_256,
    workBytes: 75 * MB,
    live: live(14, 28_173_312, 1_996_800),
    languages: ENGLISH,
    speed: 'fastest',
    forms: [
      form(
        'float16',
        'mlx-community/whisper-tiny.en-mlx',
        '5f4dafbb28e62a53c1b10426ff7eed36ca733bf7',
        74_418_066,
      ),
    ],
  },
  {
    name: 'whisper-base',
    aliases: ['base'],
    title: 'Whisper base',
    parameters: 71_825_920,
    workBytes: 90 * MB,
    live: live(35, 48_574_976, 3_993_600),
    languages: MULTILINGUAL,
    speed: 'fastest',
    forms: [
      form(
        'float16',
        'mlx-community/whisper-base-mlx',
        '1e3e249fb8d01c655324bd6841b1deadffd6d04c',
        143_724_466,
      ),
      form('8-bit', 'mlx-community/whisper-base-mlx-8bit'),
      form('4-bit', 'mlx-community/whisper-base-mlx-4bit'),
    ],
  },
  {
    name: 'whisper-base.en',
    aliases: ['base.en'],
    title: 'Whisper base, English',
    parameters: 71_825_408,
    workBytes: 90 * MB,
    live: live(35, 48_574_464, 3_993_600),
    languages: ENGLISH,
    license: 'Apache-2.0',
    speed: 'fastest',
    // OpenAI's own: float32 in the file, float16 on the GPU.
    forms: [
      form('float16', 'openai/whisper-base.en', '911407f4214e0e1d82085af863093ec0b66f9cd6', 290_405_356),
    ],
  },
  {
    name: 'whisper-small',
    aliases: ['small'],
    title: 'Whisper small',
    parameters: 240_582_912,
    workBytes: 140 * MB,
    live: live(160, 138_922_752, 12_902_400),
    languages: MULTILINGUAL,
    speed: 'fast',
    forms: [
      form(
        'float16',
        'mlx-community/whisper-small-mlx',
        '45f3915923c7a79a5a5b5a7d909d39aeb0e5630e',
        481_307_858,
      ),
      form('8-bit', 'mlx-community/whisper-small-mlx-8bit'),
      form('4-bit', 'mlx-community/whisper-small-mlx-4bit'),
    ],
  },
  {
    name: 'whisper-small.en',
    aliases: ['small.en'],
    title: 'Whisper small, English',
    parameters: 240_582_144,
    workBytes: 140 * MB,
    live: live(160, 138_921_984, 12_902_400),
    languages: ENGLISH,
    license: 'Apache-2.0',
    speed: 'fast',
    forms: [
      form('float16', 'openai/whisper-small.en', 'e8727524f962ee844a7319d92be39ac1bd25655a', 966_995_882),
    ],
  },
  {
    name: 'whisper-medium',
    aliases: ['medium'],
    title: 'Whisper medium',
    parameters: 762_321_920,
    workBytes: 275 * MB,
    live: live(547, 405_431_296, 34_406_400),
    languages: MULTILINGUAL,
    speed: 'medium',
    forms: [
      form(
        'float16',
        'mlx-community/whisper-medium-mlx',
        '7fc08c4eac4c316526498f147dfdee6f6303f975',
        1_524_925_180,
      ),
      form('8-bit', 'mlx-community/whisper-medium-mlx-8bit'),
      form('4-bit', 'mlx-community/whisper-medium-mlx-4bit'),
    ],
  },
  {
    name: 'whisper-medium.en',
    aliases: ['medium.en'],
    title: 'Whisper medium, English',
    parameters: 762_320_896,
    workBytes: 275 * MB,
    live: live(547, 405_430_272, 34_406_400),
    languages: ENGLISH,
    license: 'Apache-2.0',
    speed: 'medium',
    forms: [
      form('float16', 'openai/whisper-medium.en', '2e98eb6279edf5095af0c8dedb36bdec0acd172b', 3_055_544_100),
    ],
  },
  {
    name: 'whisper-large-v2',
    aliases: ['large-v2'],
    title: 'Whisper large-v2',
    parameters: 1_541_384_960,
    workBytes: 420 * MB,
    live: live(1116, 800_390_400, 57_344_000),
    languages: MULTILINGUAL,
    speed: 'slow',
    forms: [
      form('float16', 'mlx-community/whisper-large-v2-mlx', 'cce86229e2765266197fef869ce9f7e2550067ab'),
    ],
  },
  {
    name: 'whisper-large-v3',
    aliases: ['large-v3', 'large'],
    title: 'Whisper large-v3',
    parameters: 1_541_570_560,
    workBytes: 420 * MB,
    live: live(1116, 800_391_680, 57_344_000),
    languages: WITH_CANTONESE,
    speed: 'slow',
    forms: [
      form(
        'float16',
        'mlx-community/whisper-large-v3-mlx',
        '49e6aa286ad60c14352c404340ded53710378a11',
        3_083_520_685,
      ),
      form('8-bit', 'mlx-community/whisper-large-v3-mlx-8bit'),
      form(
        '4-bit',
        'mlx-community/whisper-large-v3-mlx-4bit',
        'd12b5d0043a6fe0c59af321617fba041d4e8e0c8',
        973_124_622,
      ),
    ],
  },
  {
    name: 'whisper-large-v3-turbo',
    aliases: ['large-v3-turbo', 'turbo'],
    title: 'Whisper large-v3 turbo',
    parameters: 806_958_080,
    workBytes: 160 * MB,
    live: live(988, 158_138_880, 7_168_000),
    languages: WITH_CANTONESE,
    speed: 'fast',
    forms: [
      form(
        'float16',
        'mlx-community/whisper-large-v3-turbo',
        'a4aaeec0636e6fef84abdcbe3544cb2bf7e9f6fb',
        1_613_977_880,
      ),
      form('8-bit', 'mlx-community/whisper-large-v3-turbo-8bit', '62103fc276a35fdc76e318f314d8ff47987fba89'),
      form(
        '4-bit',
        'mlx-community/whisper-large-v3-turbo-q4',
        '660c343bbf4e52ac257f0b7d952e5388e6f93bef',
        463_665_005,
      ),
    ],
  },
  {
    name: 'distil-medium.en',
    title: 'Distil-Whisper medium, English',
    parameters: 393_345_024,
    workBytes: 125 * MB,
    live: live(482, 82_468_864, 2_867_200),
    languages: ENGLISH,
    speed: 'fast',
    forms: [form('float16', 'distil-whisper/distil-medium.en', '6e61418885eaf4d5cc9f64e508e80ac5b4c052b7')],
  },
  {
    name: 'distil-large-v3',
    title: 'Distil-Whisper large-v3, English',
    parameters: 754_521_600,
    workBytes: 155 * MB,
    live: live(979, 112_263_680, 3_584_000),
    languages: ENGLISH,
    speed: 'fast',
    forms: [
      form(
        'float16',
        'mlx-community/distil-whisper-large-v3',
        'e1c3c155644be59f8b477c0186719442f7e3fbb0',
        1_509_130_380,
      ),
    ],
  },
  {
    name: 'distil-large-v3.5',
    title: 'Distil-Whisper large-v3.5, English',
    parameters: 754_521_600,
    workBytes: 155 * MB,
    live: live(979, 112_263_680, 3_584_000),
    languages: ENGLISH,
    speed: 'fast',
    forms: [form('float16', 'distil-whisper/distil-large-v3.5', '728a7691f3ff1d3d971528d3203a6e9559165d41')],
  },
];

export const WHISPER: readonly CatalogueEntry[] = SIZES.flatMap((size) =>
  size.forms.map((one) => entry(size, one)),
);

function entry(size: Size, { precision, repo, revision, bytes }: Form): CatalogueEntry {
  const suffix = precision === 'float16' ? '' : `-${precision.replace('-', '')}`;
  const inMemory = Math.round(size.parameters * BYTES_PER_WEIGHT[precision]);
  return {
    name: size.name + suffix,
    aliases: (size.aliases ?? []).map((alias) => alias + suffix),
    title: precision === 'float16' ? size.title : `${size.title}, ${precision.replace('-', ' ')}`,
    family: 'whisper',
    tasks: ['transcribe'],
    repo,
    ...defined({ revision }),
    precision,
    parameters: size.parameters,
    bytes: bytes ?? inMemory,
    bytesSource: bytes === undefined ? 'estimated' : 'published',
    liveGigaflop: size.live.gigaflop,
    tokenBytes: Math.round(
      size.live.tokenWeights * BYTES_PER_WEIGHT[precision] + size.live.tokenMemory * FLOAT16_BYTES,
    ),
    memoryBytes: inMemory + (1 + KEPT_FOR_REUSE) * size.workBytes + PROCESS_BYTES,
    languages: size.languages,
    license: size.license ?? 'MIT',
    speed: size.speed,
  };
}
