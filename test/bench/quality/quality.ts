/**
 * Word errors by kind of clip: Sotto greedy, with beam size 5 and by default, compared with faster-whisper and
 * openai-whisper on the same float16 weights; and the words that each prints without speech.
 *
 *     npm run bench -- quality [--model DIR] [--kinds A,B] [--columns A,B] [--no-peers] [--reuse-sotto]
 *
 * --columns names columns of Sotto and of the peers. Transcripts of the peers (an hour on two cores) are cached outside the
 * repository: `$SOTTO_QUALITY_CACHE`, else `~/.cache/sotto-bench/quality`. Sotto's are cached until the code changes
 * (--reuse-sotto: always). --no-peers uses only cached transcripts. A clip counts only if every column has it.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import type { Recognizer } from '#daemon/models/speech-model.js';
import { root } from '../clips.js';
import { float16Model, load, streamOf, transcribe, transcribeFile } from '../in-process.js';
import { cacheFolder, digest, NOT_SPEECH, type QualityClip, qualityClips } from './generated-clips.js';
import { SOTTO_COLUMNS, type SottoColumn, peerTranscripts } from './peer-transcripts.js';
import { REASONS } from './error-reasons.js';
import {
  columnsOf,
  kindRows,
  kindsTable,
  notesOn,
  qualityChart,
  silenceTable,
  wordsPrinted,
} from './word-error-table.js';
import { commit, machine, saveResult, sum } from '../report.js';
import { missingScorer, scoreTexts, type WordErrors } from '../score.js';

export async function quality(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      model: { type: 'string', default: float16Model() ?? '' },
      kinds: { type: 'string' },
      columns: { type: 'string' },
      'no-peers': { type: 'boolean', default: false },
      'reuse-sotto': { type: 'boolean', default: false },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  if (args.model === '')
    throw new Error('set the float16 model directory of base: --model DIR or SOTTO_BASE=DIR');
  const cannot = missingScorer();
  if (cannot !== undefined) throw new Error(`no word errors: ${cannot}`);
  const kinds = args.kinds?.split(',');
  const clips = (await qualityClips()).filter(({ kind }) => kinds?.includes(kind) ?? true);

  const wanted = args.columns?.split(',');
  const peers = peerTranscripts(clips, !args['no-peers'], wanted);
  const sottoColumns = SOTTO_COLUMNS.filter(({ name }) => wanted?.includes(name) ?? true);
  const sotto = await sottoTranscripts(args.model, clips, sottoColumns, args['reuse-sotto']);
  const texts = new Map<string, ReadonlyMap<string, string>>(sotto.texts);
  for (const [name, found] of peers.texts) texts.set(name, found);

  const spoken = clips.filter(({ text }) => text !== '');
  const scores = scoreTexts(
    new Map([...texts].map(([name, of]) => [fileName(name), of])),
    join(root, 'test/bench/results/quality'),
    spoken,
  );
  const byColumn = new Map(
    [...texts.keys()].map((name) => [name, scores.get(fileName(name)) ?? new Map<string, WordErrors>()]),
  );
  const columns = columnsOf(texts);
  const rows = kindRows(spoken, byColumn);
  const silent = clips.filter(({ kind }) => kind === NOT_SPEECH);
  const invented = new Map(
    columns.map((name) => [name, sum(silent.map(({ id }) => wordsPrinted(texts.get(name)?.get(id) ?? '')))]),
  );
  const { cpu, cores, os, node, date } = machine();
  const versions = Object.entries(peers.versions).map(([name, version]) => `${name} ${version}`);
  const circumstances = `commit ${[...sotto.commits].join(', ')} · ${date} · ${[cpu, `${cores} cores`, os, `Node ${node}`].join(', ')}`;
  const how = [
    `Whisper base (multilingual), one float16 source for all, computed in float32 · language given · ${versions.join(', ')}`,
    'greedy: temperature 0 only, no previous text, no VAD. The others: defaults of each program, with the beam size and VAD in the name',
  ];
  const report = [
    '# Quality: word errors by kind of clip',
    [circumstances, ...how].join('  \n'),
    'Word errors in % (number of errors); for Japanese, characters. Bold: the best of the row. Noise, music, reverb and telephone are the clips of read English, degraded by `quality/sound-effects.ts`. Last column: difference between Sotto default and the best peer of this kind, with its 95 % confidence interval.',
    kindsTable(rows, columns),
    'Words printed without speech:',
    silenceTable(silent, texts, columns),
    ...section('Where Sotto default is worse than the best peer, and why', notesOn(rows, REASONS)),
    ...section(
      'Skipped',
      peers.skipped.map((line) => `- ${line}`),
    ),
  ];
  const markdown = report.join('\n\n') + '\n';
  console.log(markdown);
  const small = [`${circumstances.slice(0, 120)}`, `base, float32, language given · ${versions.join(', ')}`];
  saveResult(
    'quality',
    {
      settings: {
        model: basename(args.model),
        columns: { sotto: SOTTO_COLUMNS },
        versions: peers.versions,
        skipped: peers.skipped,
      },
      kinds: rows,
      invented: Object.fromEntries(invented),
      clips: Object.fromEntries(
        spoken.map(({ id, kind }) => [
          id,
          { kind, wrong: columns.map((name) => byColumn.get(name)?.get(id)?.errors ?? null).join(' ') },
        ]),
      ),
    },
    args['save-baseline'],
    { md: markdown, svg: qualityChart(rows, columns, invented, small) },
  );
}

const fileName = (column: string): string => column.replace(/[^a-z0-9]+/gi, '-').replace(/-$/, '');

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`## ${title}`, lines.join('\n')];
}

const Kept = z.object({ code: z.string(), text: z.string(), commit: z.string() });

/** Transcripts of Sotto by column and clip, and the commits that they were computed at. */
async function sottoTranscripts(
  dir: string,
  clips: readonly QualityClip[],
  sotto: readonly SottoColumn[],
  keep: boolean,
): Promise<{ texts: Map<string, Map<string, string>>; commits: ReadonlySet<string> }> {
  const folder = join(cacheFolder(), 'transcripts/sotto');
  mkdirSync(folder, { recursive: true });
  const code = codeDigest();
  const texts = new Map(sotto.map(({ name }) => [name, new Map<string, string>()]));
  const now = commit();
  const commits = new Set<string>();
  let model: Recognizer | undefined;
  let done = 0;
  for (const clip of clips) {
    for (const column of sotto) {
      done++;
      const key = digest(JSON.stringify([dir, column.options, clip.language, clip.hash]));
      const file = join(folder, `${key}.json`);
      const kept = existsSync(file) ? Kept.parse(JSON.parse(readFileSync(file, 'utf8'))) : undefined;
      let transcript = kept !== undefined && (keep || kept.code === code) ? kept : undefined;
      if (transcript === undefined) {
        model ??= await load(dir);
        transcript = { code, commit: now, text: await transcribeClip(model, clip, column) };
        writeFileSync(file, JSON.stringify({ ...transcript, column: column.name, clip: clip.id }) + '\n');
        process.stderr.write(`Sotto ${done}/${clips.length * sotto.length}\n`);
      }
      texts.get(column.name)?.set(clip.id, transcript.text);
      commits.add(transcript.commit);
    }
  }
  model?.dispose();
  return { texts, commits };
}

async function transcribeClip(
  model: Recognizer,
  clip: QualityClip,
  { options }: SottoColumn,
): Promise<string> {
  const allOptions = { ...options, language: clip.language };
  if (!clip.file.endsWith('.f32')) return (await transcribeFile(model, clip.file, allOptions)).result.text;
  const bytes = readFileSync(clip.file);
  const samples = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  return (await transcribe(model, streamOf(samples), allOptions)).result.text;
}

/** Digest of the code that determines Sotto's transcripts: the compiled models and audio, and the native library. */
function codeDigest(): string {
  const folders = ['dist/daemon/src/models', 'dist/daemon/src/audio', 'native/lib'].map((at) =>
    join(root, at),
  );
  const files = folders.filter(existsSync).flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(js|node|so|dylib)$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  return digest(
    files
      .sort()
      .map((file) => digest(readFileSync(file)))
      .join(),
  );
}
