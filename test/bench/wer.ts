/**
 * Word errors on the labelled clips, by the scorer that the references use:
 *
 *     npm run wer -- [--model DIR] [--set english|other|long|labelled|all] [--name NAME] [--detect] [--condition] [--times yes|no|auto] [--vad] [--beam N]
 *
 * Transcribes in this process (greedy, no fallback, the clip's language given unless --detect, text carried from
 * window to window only with --condition; --times no asks for the text alone, auto as `sotto transcribe` does: the same, and no
 * more of a clip that fits in one window encoded than is said; --vad listens only where somebody speaks; --beam 5 searches
 * with five beams), writes `test/bench/results/wer/NAME.jsonl` and calls
 * `test/reference/score.py` on it. Beside it, where it has been made, the reference's own `test/bench/results/wer/reference.jsonl` (transcribe-openai.py writes such files).
 */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { readClips, root, setOf } from './clips.js';
import { load, PLAIN, starterModel, transcribeFile } from './in-process.js';
import { sum } from './report.js';

const { values: args } = parseArgs({
  options: {
    model: { type: 'string', default: starterModel() },
    set: { type: 'string', default: 'labelled' },
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
const clips = readClips().filter((clip) => {
  if (args.set === 'all') return true;
  return args.set === 'labelled' ? setOf(clip) !== 'unlabelled' : setOf(clip) === args.set;
});

const model = await load(args.model);
const file = openSync(out, 'w');
const walls: number[] = [];
for (const clip of clips) {
  const timestamps = args.times === 'auto' ? ('auto' as const) : args.times !== 'no';
  const search = { vad: args.vad, beamSize: Number(args.beam) };
  const plain = { ...PLAIN, ...search, timestamps, conditionOnPreviousText: args.condition };
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
  const beside = join(folder, 'reference.jsonl');
  const files = existsSync(beside) && beside !== out ? [beside, out] : [out];
  const scored = spawnSync(python, [join(reference, 'score.py'), ...files], { stdio: 'inherit' });
  process.exitCode = scored.status ?? 1;
} else {
  console.log('not scored: run test/reference/setup.sh first, it brings the normaliser');
  process.exitCode = 3;
}
