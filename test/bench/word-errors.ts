/**
 * Word errors on the labeled clips and the time that they take: greedy, with timestamps, of the bundled model and, if
 * SOTTO_BASE is set, of the float16 weights, or of any models; `npm run wer` has more settings.
 *
 *     npm run bench -- wer [--models DIR,DIR] [--set english|labeled|kinds] [--defaults] [--repeat N] [--name NAME] [--save-baseline]
 *
 * The models take turns on each clip, so their times compare. --defaults transcribes as `sotto transcribe` does, with VAD;
 * the best of --repeat times counts.
 */
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { samplesOf } from '#test/harness/sample-speech.js';
import { clipsOfSet, root } from './clips.js';
import { float16Model, load, plainOptions, starterModel, streamOf, transcribe } from './in-process.js';
import { printTable, saveResult, sum } from './report.js';
import { scoreTexts, missingScorer, totalErrors } from './score.js';

export async function wordErrors(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      models: { type: 'string' },
      set: { type: 'string', default: 'labeled' },
      defaults: { type: 'boolean', default: false },
      repeat: { type: 'string', default: '1' },
      name: { type: 'string', default: 'wer' },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const missing = missingScorer();
  if (missing !== undefined) throw new Error(missing);
  const clips = clipsOfSet(args.set);
  const named = await Promise.all(
    modelsIn(args.models).map(async ({ name, dir }) => ({ name, model: await load(dir) })),
  );
  const texts = new Map(named.map(({ name }) => [name, new Map<string, string>()]));
  const seconds = new Map(named.map(({ name }) => [name, 0]));
  const repeat = Number(args.repeat);
  for (const { id, file, language } of clips) {
    const samples = await samplesOf(file);
    for (const { name, model } of named) {
      const plain = args.defaults ? {} : plainOptions(model);
      const options = language === null ? plain : { ...plain, language };
      let best = Infinity;
      for (let i = 0; i < repeat; i++) {
        const run = await transcribe(model, streamOf(samples), options);
        best = Math.min(best, run.seconds);
        texts.get(name)?.set(id, run.result.text);
      }
      seconds.set(name, (seconds.get(name) ?? 0) + best);
    }
  }
  for (const { model } of named) model.dispose();
  const audioSeconds = sum(clips.map((clip) => clip.seconds));
  const labels = args.set === 'kinds' ? clips : undefined;
  const scores = scoreTexts(texts, join(root, 'test/bench/results', args.name), labels);
  const rows = [...scores].map(([model, byClip]) => ({
    model,
    clips: byClip.size,
    ...(totalErrors(byClip, [...byClip.keys()]) ?? { errors: NaN, words: NaN }),
    seconds: seconds.get(model) ?? NaN,
  }));
  printTable(
    ['model', 'clips', 'errors', 'words', '%', 'seconds', '× audio'],
    rows.map(({ model, clips: count, errors, words, seconds: time }) => [
      model,
      ...[count, errors, words].map(String),
      ((100 * errors) / words).toFixed(2),
      time.toFixed(1),
      (audioSeconds / time).toFixed(1),
    ]),
  );
  saveResult(args.name, { rows }, args['save-baseline']);
}

/** @param given directories, separated by commas */
function modelsIn(given: string | undefined): { name: string; dir: string }[] {
  if (given !== undefined) return given.split(',').map((dir) => ({ name: basename(dir), dir }));
  const float16 = float16Model();
  return [
    { name: 'starter', dir: starterModel() },
    ...(float16 === undefined ? [] : [{ name: 'float16', dir: float16 }]),
  ];
}
