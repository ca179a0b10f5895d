/**
 * Mixed-language speech, and language detection in audio that does not start with speech: Sotto without and with the
 * option, compared with faster-whisper's `multilingual` on the same weights.
 *
 *     npm run bench -- languages [--model DIR] [--only mixed,long,single,first] [--contenders "NAME;…"] [--count 12] [--seed 1] [--no-peer]
 *
 * mixed: sequences of three to six labeled clips, pauses of 0.3, 0.7 and 1.5 s; long: the long English clip with a
 * French sentence in it; single: every clip in one language, which must not change; first: the language of the first
 * seconds of a clip, and after half a minute without speech. Earlier results for parts or contenders that are not
 * selected stay in the report.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import type { Segment, TranscribeOptions } from '#daemon/protocol/transcription.js';
import { type Clip, LONG_FORM, readClips, root } from './clips.js';
import { float16Model, samplesOf, starterModel, streamOf, tokenCount, transcribe } from './in-process.js';
import {
  beforeSpeech,
  interrupted,
  mixedSequences,
  type Part,
  type Sequence,
  sequence,
} from './languages-material.js';
import { markdownTable, saveResult, sum } from './report.js';

const SAMPLE_RATE = 16_000;
const FOLDER = join(root, 'test/bench/results/languages');
const PLAIN: TranscribeOptions = { temperature: [0] };

type Spoken = Pick<Segment, 'start' | 'end' | 'text'> & { readonly language?: string | undefined };

/** Result of a contender for a sequence. */
interface SequenceResult {
  readonly sequence: string;
  readonly seconds: number;
  /** Share of the speech time with the right language. */
  readonly languageRight: number;
  readonly speechSeconds: number;
  readonly errors: number;
  readonly words: number;
  /** Language changes between segments. */
  readonly changes: number;
  /** Encoded seconds and decoded tokens; for Sotto only. */
  readonly encoded?: number;
  readonly tokens?: number;
}

/** Clips with the right language, of all clips. */
interface LanguageCount {
  readonly right: number;
  readonly of: number;
}

export async function languages(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      model: { type: 'string', default: float16Model() ?? starterModel() },
      only: { type: 'string', default: 'mixed,long,single,first' },
      contenders: { type: 'string' },
      count: { type: 'string', default: '12' },
      seed: { type: 'string', default: '1' },
      peer: { type: 'boolean', default: true },
      'save-baseline': { type: 'boolean', default: false },
    },
    allowNegative: true,
  });
  mkdirSync(FOLDER, { recursive: true });
  const model = await WhisperModel.load(args.model);
  const quantized = readFileSync(join(args.model, 'config.json'), 'utf8').includes('"quantization"');
  const bench = new Bench(model, args.peer && !quantized, args.contenders?.split(';'));
  const selected = new Set(args.only.split(','));
  const clips = readClips();
  const french = clips.find(({ id }) => id === 'fr-leopard');
  const long = clips.find(({ id }) => id === LONG_FORM);
  if (selected.has('mixed')) {
    const { voice } = model.deps;
    await bench.compare('mixed', await mixedSequences(clips, voice, Number(args.count), Number(args.seed)));
  }
  if (selected.has('long') && french && long)
    await bench.compare('long', [await interrupted(long, french, model.deps.voice)]);
  if (selected.has('single'))
    await bench.compare('single', await inOneLanguage(clips), ['Sotto', 'Sotto, multilingual']);
  if (selected.has('first')) await bench.beginnings(clips);
  model.dispose();
  const parts = Object.fromEntries(
    ['mixed', 'long', 'single', 'first'].flatMap((name) => {
      const file = join(FOLDER, `${name}.json`);
      return existsSync(file) ? [[name, JSON.parse(readFileSync(file, 'utf8')) as unknown]] : [];
    }),
  );
  const md = report(parts);
  console.log(md);
  const settings = { model: basename(args.model), count: Number(args.count), seed: Number(args.seed) };
  saveResult('languages', { settings, ...parts }, args['save-baseline'], { md });
}

/** The labeled clips as sequences of one, without duplicate recordings and the long one. */
async function inOneLanguage(clips: readonly Clip[]): Promise<Sequence[]> {
  const duplicates = /^(sonnet1-9s|jfk-mp3|count-24bit|stereo-two|libri-\d+-\d+-0000$)/;
  const picked = clips.filter(
    ({ id, text, kind }) => text !== '' && kind !== 'long-form' && !duplicates.test(id),
  );
  return Promise.all(
    picked.map(async ({ id, language, text, file }) =>
      sequence(id, [{ id, language: language ?? '', text, samples: await samplesOf(file) }], 0),
    ),
  );
}

class Bench {
  #encodedFrames = 0;

  constructor(
    readonly model: WhisperModel,
    readonly withPeer: boolean,
    readonly selected: readonly string[] | undefined,
  ) {
    const { encoder } = model.deps.model;
    const embed = encoder.embed.bind(encoder);
    encoder.embed = (mel) => {
      this.#encodedFrames += mel.shape[1] ?? 0;
      return embed(mel);
    };
  }

  async compare(
    name: string,
    sequences: readonly Sequence[],
    contenders: readonly string[] = ['Sotto', 'Sotto, multilingual', 'faster-whisper, multilingual'],
  ): Promise<void> {
    const file = join(FOLDER, `${name}.json`);
    const kept = this.selected !== undefined && existsSync(file) ? readFileSync(file, 'utf8') : '{}';
    const rows = JSON.parse(kept) as Record<string, SequenceResult[]>;
    for (const contender of contenders.filter((one) => this.selected?.includes(one) ?? true)) {
      const multilingual = contender.endsWith('multilingual');
      const results = contender.startsWith('Sotto')
        ? await this.#transcribeAll(sequences, { ...PLAIN, multilingual })
        : this.#peerResults(name, sequences, multilingual);
      if (results === undefined) continue;
      const scored = score(
        sequences,
        results.map(({ segments }) => segments),
      );
      rows[contender] = sequences.map((one, i) => {
        const { segments = [], language = '', ...rest } = results[i] ?? {};
        const named = segments.map((segment) => ({ ...segment, language: segment.language ?? language }));
        const { errors = 0, words = 0 } = scored[i] ?? {};
        return {
          sequence: one.name,
          seconds: one.samples.length / SAMPLE_RATE,
          ...languageShare(one.parts, named),
          errors,
          words,
          changes: named.filter((segment, k) => k > 0 && segment.language !== named[k - 1]?.language).length,
          ...rest,
        };
      });
      writeFileSync(file, JSON.stringify(rows, null, 1));
      console.error(`${name}: ${contender} done`);
    }
  }

  async #transcribeAll(sequences: readonly Sequence[], options: TranscribeOptions) {
    const results: { segments: Spoken[]; language: string; encoded: number; tokens: number; wall: number }[] =
      [];
    for (const { samples } of sequences) {
      this.#encodedFrames = 0;
      const { result, seconds: wall } = await transcribe(this.model, streamOf(samples), options);
      const { segments, language } = result;
      results.push({
        segments,
        language,
        encoded: this.#encodedFrames / 100,
        tokens: tokenCount(result),
        wall,
      });
    }
    return results;
  }

  #peerResults(name: string, sequences: readonly Sequence[], multilingual: boolean) {
    const jobs = sequences.map(({ name, samples }) => ({ name, samples, multilingual }));
    return this.#peer(`${name}-${String(multilingual)}`, jobs)?.map(({ segments, language, seconds }) => ({
      segments,
      language,
      wall: seconds,
    }));
  }

  /** Runs faster-whisper in float32, if it is set up. */
  #peer(
    name: string,
    jobs: readonly {
      name: string;
      samples: Float32Array;
      multilingual: boolean;
      windows?: number;
      detectOnly?: boolean;
    }[],
  ): { name: string; language: string; seconds: number; segments: Spoken[] }[] | undefined {
    const reference = join(root, 'test/reference');
    const [python, weights] = [
      join(reference, '.venv-ct2/bin/python'),
      join(reference, '.weights-peers/base-ct2'),
    ];
    if (!this.withPeer || !existsSync(python) || !existsSync(weights)) return undefined;
    const lines = jobs.map(({ samples, ...job }, i) => {
      const file = join(FOLDER, `peer-${i}.f32`);
      writeFileSync(file, new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
      return JSON.stringify({ ...job, file });
    });
    const [out, list] = [join(FOLDER, `peer-${name}.jsonl`), join(FOLDER, 'peer-jobs.jsonl')];
    writeFileSync(list, lines.join('\n') + '\n');
    const argv = [join(reference, 'transcribe-languages.py'), weights, out, list];
    const { status } = spawnSync(python, argv, { stdio: ['ignore', 'ignore', 'inherit'] });
    if (status !== 0) throw new Error('faster-whisper failed');
    return readFileSync(out, 'utf8')
      .trim()
      .split('\n')
      .map(
        (line) => JSON.parse(line) as { name: string; language: string; seconds: number; segments: Spoken[] },
      );
  }

  /** The first detected language. */
  async #first(samples: Float32Array, options: TranscribeOptions): Promise<string> {
    const events = this.model.transcribe(
      streamOf(samples),
      { ...PLAIN, ...options },
      new AbortController().signal,
    );
    for await (const event of events) if (event.type === 'language') return event.language;
    return '';
  }

  async beginnings(clips: readonly Clip[]): Promise<void> {
    const rows: Record<string, Record<string, LanguageCount>> = {};
    const count = async (
      row: string,
      column: string,
      samples: readonly (readonly [language: string, samples: Float32Array])[],
      options: TranscribeOptions,
    ): Promise<void> => {
      let right = 0;
      for (const [language, own] of samples) if ((await this.#first(own, options)) === language) right++;
      (rows[row] ??= {})[column] = { right, of: samples.length };
      writeFileSync(join(FOLDER, 'first.json'), JSON.stringify(rows, null, 1));
    };
    const spoken = clips.filter(
      ({ language, text, kind, seconds }) =>
        language !== null && text !== '' && kind !== 'container' && seconds > 3 && seconds < 100,
    );
    const all = await Promise.all(
      spoken.map(async ({ language, file }) => [language ?? '', await samplesOf(file)] as const),
    );
    for (const seconds of [3, 5, 10, 30]) {
      const cut = all.map(
        ([language, samples]) => [language, samples.subarray(0, seconds * SAMPLE_RATE)] as const,
      );
      await count(`the first ${seconds} s of a clip`, 'one window', cut, {});
    }
    const chosen = new Map(spoken.toReversed().map((clip) => [clip.language, clip])); // the first clip of each
    for (const [kind, sound] of await beforeSpeech(clips)) {
      const withPrefix = await Promise.all(
        [...chosen].map(async ([language, { file }]) => {
          const speech = (await samplesOf(file)).subarray(0, 15 * SAMPLE_RATE);
          const samples = new Float32Array(sound.length + speech.length);
          samples.set(sound);
          samples.set(speech, sound.length);
          return [language ?? '', samples] as const;
        }),
      );
      const row = `after 30 s of ${kind}`;
      await count(row, 'one window', withPrefix, {});
      await count(row, 'up to four', withPrefix, { whisper: { languageWindows: 4 } });
      await count(row, 'one window, no VAD', withPrefix, { vad: false });
      await count(row, 'up to four, no VAD', withPrefix, { vad: false, whisper: { languageWindows: 4 } });
      for (const windows of [1, 4]) {
        const jobs = withPrefix.map(([language, samples]) => ({
          name: language,
          samples,
          multilingual: false,
          windows,
          detectOnly: true,
        }));
        const detected = this.#peer('first', jobs);
        if (detected === undefined) continue;
        const right = detected.filter(({ name, language }) => name === language).length;
        (rows[row] ??= {})[`faster-whisper, ${windows}`] = { right, of: detected.length };
      }
      writeFileSync(join(FOLDER, 'first.json'), JSON.stringify(rows, null, 1));
    }
  }
}

/** Share of the speech time with a segment in the right language. */
function languageShare(
  parts: readonly Part[],
  segments: readonly Spoken[],
): { languageRight: number; speechSeconds: number } {
  const speechSeconds = sum(parts.map(({ start, end }) => end - start));
  let right = 0;
  for (const part of parts) {
    for (const { start, end, language } of segments)
      if (language === part.language)
        right += Math.max(0, Math.min(end, part.end) - Math.max(start, part.start));
  }
  return { languageRight: Math.min(right, speechSeconds) / speechSeconds, speechSeconds };
}

/** Errors and words of each sequence. Each segment counts for the part that it overlaps most. */
function score(
  sequences: readonly Sequence[],
  results: readonly (readonly Spoken[])[],
): { errors: number; words: number }[] {
  const rows = sequences.flatMap(({ parts }, i) => {
    const texts = parts.map(() => '');
    for (const { start, end, text } of results[i] ?? []) {
      const shared = parts.map((part) => Math.min(end, part.end) - Math.max(start, part.start));
      const at = shared.indexOf(Math.max(...shared));
      texts[at] = `${texts[at] ?? ''} ${text}`;
    }
    return parts.map(({ language, text }, k) => ({
      sequence: i,
      language,
      text,
      recognized: texts[k] ?? '',
    }));
  });
  const python = join(root, 'test/reference/.venv/bin/python');
  const input = rows.map((row) => JSON.stringify(row)).join('\n');
  const run = spawnSync(python, [join(root, 'test/reference/score-parts.py')], { input, encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`score-parts.py failed: ${run.stderr}`);
  const scores = run.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { errors: number; words: number });
  return sequences.map((_, i) => {
    const own = scores.filter((_, k) => rows[k]?.sequence === i);
    return { errors: sum(own.map(({ errors }) => errors)), words: sum(own.map(({ words }) => words)) };
  });
}

function report(parts: Record<string, unknown>): string {
  const titles = {
    mixed: 'Mixed-language sequences of clips',
    long: 'A French sentence in the middle of 6.8 minutes of English',
    single: 'Clips in one language: must not change',
  } as const;
  const tables = Object.entries(titles).flatMap(([name, title]) => {
    const rows = parts[name] as Record<string, SequenceResult[]> | undefined;
    if (rows === undefined) return [];
    const table = Object.entries(rows).map(([contender, results]) => {
      const total = (of: (one: SequenceResult) => number): number => sum(results.map(of));
      const [speech, errors, words] = [
        total((h) => h.speechSeconds),
        total((h) => h.errors),
        total((h) => h.words),
      ];
      const encoded = total((h) => h.encoded ?? NaN) / total((h) => h.seconds);
      return [
        contender,
        `${((100 * total((h) => h.languageRight * h.speechSeconds)) / speech).toFixed(1)} %`,
        `${((100 * errors) / words).toFixed(1)} % (${errors} of ${words})`,
        String(total((h) => h.changes)),
        Number.isNaN(encoded) ? '' : encoded.toFixed(2),
        Number.isNaN(encoded) ? '' : String(total((h) => h.tokens ?? 0)),
      ];
    });
    const header = [
      '',
      'time with the right language',
      'word errors',
      'language changes',
      's encoded / s of audio',
      'tokens',
    ];
    const seconds = sum((Object.values(rows)[0] ?? []).map((h) => h.seconds));
    return [
      `## ${title}\n\n${(Object.values(rows)[0] ?? []).length} recordings, ${seconds.toFixed(0)} s\n\n${markdownTable(header, table)}`,
    ];
  });
  const first = parts.first as Record<string, Record<string, LanguageCount>> | undefined;
  if (first !== undefined) {
    const columns = [...new Set(Object.values(first).flatMap((row) => Object.keys(row)))];
    const table = Object.entries(first).map(([name, row]) => [
      name,
      ...columns.map((column) => (row[column] ? `${row[column].right} of ${row[column].of}` : '')),
    ]);
    tables.push(`## Detected languages\n\n${markdownTable(['', ...columns], table)}`);
  }
  return `# Languages\n\n${tables.join('\n\n')}\n`;
}
