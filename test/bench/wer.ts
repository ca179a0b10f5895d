/**
 * Word errors on the labeled clips, with the scorer of the references:
 *
 *     npm run wer -- [--model DIR] [--set english|other|long|labeled|all|kinds] [--name NAME] [--detect] [--condition] [--times yes|no|auto] [--vad] [--beam N]
 *
 * Transcribes in this process: greedy, no fallback, with the clip's language unless --detect, conditioned on previous text
 * only with --condition; --times no omits timestamps, --times auto uses the default of `sotto transcribe` (no timestamps,
 * and short windows for short clips); --vad skips non-speech; --beam 5 sets the beam size. Writes
 * `test/bench/results/wer/NAME.jsonl` and runs `test/reference/score.py` on it, and on the reference's
 * `test/bench/results/wer/reference.jsonl` if it exists (transcribe-openai.py writes such files). The set `kinds` is
 * test/speech, scored without the reference.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { clipsOfSet, kindsFolder, root } from './clips.js';
import { load, PLAIN, starterModel, transcribeFile } from './in-process.js';
import { sum } from './report.js';

const { values: args } = parseArgs({
  options: {
    model: { type: 'string', default: starterModel() },
    set: { type: 'string', default: 'labeled' },
    name: { type: 'string' },
    detect: { type: 'boolean', default: false },
    condition: { type: 'boolean', default: false },
    times: { type: 'string', default: 'yes' },
    vad: { type: 'boolean', default: false },
    beam: { type: 'string', default: '1' },
  },
});

const folder = join(root, 'test/bench/results/wer');
mkdirSync(folder, { recursive: true });
const out = join(folder, `${args.name ?? basename(args.model)}.jsonl`);
const clips = clipsOfSet(args.set);

const model = await load(args.model);
const file = openSync(out, 'w');
const walls: number[] = [];
for (const clip of clips) {
  const timestamps = args.times === 'auto' ? ('auto' as const) : args.times !== 'no';
  const search = { vad: args.vad, beamSize: Number(args.beam) };
  const plain = { ...PLAIN, ...search, timestamps, whisper: { conditionOnPreviousText: args.condition } };
  const options = args.detect || clip.language === null ? plain : { ...plain, language: clip.language };
  const { result, seconds } = await transcribeFile(model, clip.file, options);
  walls.push(seconds);
  const tokens = result.segments.flatMap((segment) => segment.tokens);
  const row = { id: clip.id, text: result.text, seconds, language: result.language, tokens };
  writeSync(file, JSON.stringify(row) + '\n');
  if (process.stderr.isTTY) process.stderr.write(`\r${walls.length}/${clips.length} `);
}
closeSync(file);
model.dispose();
const audioSeconds = sum(clips.map((clip) => clip.seconds));
console.log(
  `${clips.length} clips, ${audioSeconds.toFixed(0)} s of audio in ${sum(walls).toFixed(0)} s → ${out}`,
);

const reference = join(root, 'test/reference');
const python = join(reference, '.venv/bin/python');
if (existsSync(python)) {
  const referenceFile = join(folder, 'reference.jsonl');
  const withReference = args.set !== 'kinds' && existsSync(referenceFile) && referenceFile !== out;
  const files = withReference ? [referenceFile, out] : [out];
  const labels = args.set === 'kinds' ? ['--labels', join(kindsFolder, 'manifest.jsonl')] : [];
  const argv = [join(reference, 'score.py'), ...files, ...labels];
  const scored = spawnSync(python, argv, { stdio: 'inherit' });
  process.exitCode = scored.status ?? 1;
} else {
  console.log('not scored: run test/reference/setup.sh first, which installs the normalizer');
  process.exitCode = 3;
}
