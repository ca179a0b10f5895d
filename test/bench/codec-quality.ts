/**
 * Speech after a round trip through the included codec, and through Opus at the same rates: DNSMOS P.835, the words that
 * Whisper recognizes, and bytes.
 *
 *     test/reference/setup.sh && test/reference/setup.sh mos
 *     SOTTO_BASE=DIR npm run bench -- codec-quality [--clips ID,…] [--forms 'Lyra 6',…] [--save-baseline]
 *
 * The recognizer is float16 base if SOTTO_BASE is set, else the starter model: greedy, language given, no VAD. Neither words
 * nor scores depend on the load of the machine.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';

import { encodeAll } from '#daemon/models/encode-all.js';
import { loadModel } from '#daemon/models/registry.js';
import { asCodec, type AudioCodec } from '#daemon/models/speech-model.js';
import { wavData, wavHeader } from '#daemon/signal/wav-format.js';
import { bundledModels } from '#daemon/paths.js';
import { includedModels } from '#daemon/store/included-models.js';

import { clipsOfSet, root, type Clip } from './clips.js';
import {
  float16Model,
  load,
  plainOptions,
  samplesOf,
  starterModel,
  streamOf,
  transcribe,
} from './in-process.js';
import { markdownTable, saveResult, sum } from './report.js';
import { missingScorer, scoreTexts, totalErrors } from './score.js';

const RATE = 16_000;
const FORMAT = 'int16';
const CODE_BITS = 4;
/** Codebooks of Lyra, and its kbit/s with them. */
const LYRA: readonly (readonly [codebooks: number, kbps: number])[] = [
  [16, 3.2],
  [30, 6],
  [46, 9.2],
];
const ORIGINAL = 'original';

/** Clips of several kinds, 1 to 17 s. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  'read English': [
    'jfk-flac',
    'libri-1995-1837-0001',
    'libri-1998-15444-0002',
    'libri-2033-164914-0002',
    'libri-2412-153948-0000',
    'libri-2414-128291-0005',
    'libri-61-70968-0000',
    'libri-6930-75918-0000',
    'lj-050-0131',
    'austen-0870',
    'digits-vosk',
  ],
  'conversation, noise': [
    'noise-pink-10db-2033-164914-0006',
    'music-under-10db-1998-15444-0000',
    'spont-csm-a2',
    'spont-csm-b2',
    'spont-ami-en2001e-1',
    'spont-ami-en2003a-1',
    'digits-earnings22-4483589-1',
  ],
  'other languages': [
    'de-leopard',
    'es-librivox-notice',
    'fr-leopard',
    'pt-leopard',
    'sv-nst-3',
    'de-fleurs-005',
    'fr-fleurs-005',
  ],
};

interface Form {
  readonly name: string;
  /** Writes a WAV file for each clip, returns the bits of all. */
  readonly make: (clips: readonly Sample[], outs: readonly string[]) => Promise<number>;
}

interface Sample extends Clip {
  readonly samples: Float32Array;
  readonly wav: string;
}

interface Rating {
  readonly ovrl: number;
  readonly sig: number;
  readonly bak: number;
}

export async function codecQuality(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      clips: { type: 'string' },
      forms: { type: 'string' },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const missing = missingScorer() ?? missingRatings();
  if (missing !== undefined) throw new Error(missing);
  const dir = join(root, 'test/bench/results/codec-quality');
  mkdirSync(dir, { recursive: true });
  const clips = await readSamples(dir, args.clips?.split(','));
  const forms = await makeForms(dir, clips, args.forms?.split(','));
  const recognizer = float16Model() ?? starterModel();
  const texts = await recognized(recognizer, clips, forms);
  const scores = scoreTexts(texts, dir, clips);
  const rows = forms.map(({ name, bits, files }) => {
    const ratings = run<Rating>([...files.values()].map((file) => ({ do: 'rate', file })));
    const kbps = bits / (1000 * sum(clips.map(({ seconds }) => seconds)));
    const mean = (key: keyof Rating): number => sum(ratings.map((rating) => rating[key])) / ratings.length;
    const groups = Object.entries(GROUPS).map(([group, ids]) => [group, totalErrors(scores.get(name), ids)]);
    return {
      form: name,
      kbps,
      megabytesPerHour: (kbps * 3600) / 8000,
      ovrl: mean('ovrl'),
      sig: mean('sig'),
      bak: mean('bak'),
      all: totalErrors(
        scores.get(name),
        clips.map(({ id }) => id),
      ),
      groups: Object.fromEntries(groups) as Record<string, ReturnType<typeof totalErrors>>,
    };
  });
  const table = markdownTable(
    ['form', 'kbit/s', 'MB an hour', 'OVRL', 'SIG', 'BAK', 'words wrong', ...Object.keys(GROUPS)],
    rows.map((row) => [
      row.form,
      row.kbps.toFixed(1),
      row.megabytesPerHour.toFixed(1),
      ...[row.ovrl, row.sig, row.bak].map((value) => value.toFixed(2)),
      ...[row.all, ...Object.keys(GROUPS).map((group) => row.groups[group])].map(percentage),
    ]),
  );
  console.log(table);
  const seconds = sum(clips.map((clip) => clip.seconds));
  const text = `# Speech after a round trip

${clips.length} clips, ${seconds.toFixed(0)} s. DNSMOS P.835 (OVRL overall, SIG speech, BAK background; 1 to 5, mean of the clips);
words wrong: \`${basename(recognizer)}\`, greedy, language given. Bits are those of codes and packets, without a container.
\`npm run bench -- codec-quality\`; Opus: libopus of PyAV, frames of 60 ms, \`voip\`, variable rate, set so that\nthe mean is that of Lyra where the encoder can.

${table}
`;
  saveResult(
    'codec-quality',
    { clips: clips.map(({ id }) => id), recognizer: basename(recognizer), rows },
    args['save-baseline'],
    { md: text },
  );
}

const percentage = (errors: ReturnType<typeof totalErrors>): string =>
  errors === undefined
    ? '–'
    : `${((100 * errors.errors) / errors.words).toFixed(1)} % (${errors.errors}/${errors.words})`;

async function readSamples(dir: string, wanted?: readonly string[]): Promise<Sample[]> {
  const known = [...clipsOfSet('all'), ...clipsOfSet('kinds')];
  const ids = wanted ?? Object.values(GROUPS).flat();
  const clips: Sample[] = [];
  for (const id of ids) {
    const clip = known.find((one) => one.id === id);
    if (clip === undefined) throw new Error(`there is no clip ${id}`);
    const samples = await samplesOf(clip.file);
    const wav = join(dir, `${id}.${ORIGINAL}.wav`);
    writeWav(wav, samples);
    clips.push({ ...clip, samples, seconds: samples.length / RATE, wav });
  }
  return clips;
}

function writeWav(file: string, samples: Float32Array): void {
  writeFileSync(
    file,
    Buffer.concat([
      wavHeader({ sampleRate: RATE, format: FORMAT, samples: samples.length }),
      wavData(samples, FORMAT),
    ]),
  );
}

interface MadeForm {
  readonly name: string;
  /** Of all clips. */
  readonly bits: number;
  /** By the id of the clip. */
  readonly files: ReadonlyMap<string, string>;
}

async function makeForms(
  dir: string,
  clips: readonly Sample[],
  wanted?: readonly string[],
): Promise<MadeForm[]> {
  const { codec } = includedModels(bundledModels);
  if (codec === undefined) throw new Error('there is no included codec');
  const model = asCodec(await loadModel(codec.dir));
  const forms: Form[] = [
    { name: ORIGINAL, make: (all) => Promise.resolve(16 * sum(all.map(({ samples }) => samples.length))) },
    ...LYRA.map(([codebooks, kbps]) => ({
      name: `Lyra ${kbps}`,
      make: (all: readonly Sample[], outs: readonly string[]) => throughCodec(model, codebooks, all, outs),
    })),
    ...LYRA.map(([, kbps]) => ({
      name: `Opus ${kbps}`,
      make: (all: readonly Sample[], outs: readonly string[]) =>
        Promise.resolve(throughOpus(kbps, all, outs)),
    })),
  ];
  const made: MadeForm[] = [];
  for (const { name, make } of forms) {
    if (wanted?.includes(name) === false) continue;
    const outs = clips.map(({ id, wav }) =>
      name === ORIGINAL ? wav : join(dir, `${id}.${name.replace(' ', '-')}.wav`),
    );
    const bits = await make(clips, outs);
    made.push({ name, bits, files: new Map(clips.map(({ id }, i) => [id, outs[i] ?? ''])) });
  }
  model.dispose();
  return made;
}

async function throughCodec(
  model: AudioCodec,
  codebooks: number,
  clips: readonly Sample[],
  outs: readonly string[],
): Promise<number> {
  const { signal } = new AbortController();
  let bits = 0;
  for (const [i, { samples }] of clips.entries()) {
    const encoded = await encodeAll(model, streamOf(samples), { codebooks }, signal);
    const decoded = new Float32Array(samples.length);
    let at = 0;
    for await (const part of model.decode(encoded, signal)) {
      decoded.set(part, at);
      at += part.length;
    }
    writeWav(outs[i] ?? '', decoded);
    bits += CODE_BITS * sum(encoded.codes.map((list) => list.length));
  }
  return bits;
}

/** Of a variable rate, whose mean depends on the speech; the second run corrects the rate that is requested. */
function throughOpus(kbps: number, clips: readonly Sample[], outs: readonly string[]): number {
  const seconds = sum(clips.map((clip) => clip.seconds));
  const bitsAt = (requested: number): number => {
    const jobs = clips.map(({ wav: file }, i) => ({ do: 'opus', file, kbps: requested, out: outs[i] }));
    return 8 * sum(run<{ bytes: number }>(jobs).map(({ bytes }) => bytes));
  };
  return bitsAt((kbps * kbps * 1000 * seconds) / bitsAt(kbps));
}

/** Texts of all forms (name → clip → text). */
async function recognized(
  dir: string,
  clips: readonly Sample[],
  forms: readonly MadeForm[],
): Promise<Map<string, Map<string, string>>> {
  const model = await load(dir);
  const texts = new Map<string, Map<string, string>>();
  for (const { name, files } of forms) {
    const own = new Map<string, string>();
    for (const { id, language } of clips) {
      const samples = await samplesOf(files.get(id) ?? '');
      const options = { ...plainOptions(model), ...(language !== null && { language }) };
      own.set(id, (await transcribe(model, streamOf(samples), options)).result.text);
    }
    texts.set(name, own);
    console.log(`${name}: ${own.size} clips recognized`);
  }
  model.dispose();
  return texts;
}

const PYTHON = join(root, 'test/reference/.venv-mos/bin/python');

const missingRatings = (): string | undefined =>
  existsSync(PYTHON) ? undefined : 'run test/reference/setup.sh mos';

/** Results of codec-quality.py, one for each job. */
function run<T>(jobs: readonly object[]): T[] {
  const input = jobs.map((job) => `${JSON.stringify(job)}\n`).join('');
  const script = join(root, 'test/reference/codec-quality.py');
  const { status, stdout, stderr } = spawnSync(PYTHON, [script], { input, encoding: 'utf8' });
  const lines = stdout.split('\n').filter((line) => line !== '');
  if (status !== 0 || lines.length !== jobs.length) throw new Error(`codec-quality.py failed: ${stderr}`);
  return lines.map((line) => JSON.parse(line) as T);
}
