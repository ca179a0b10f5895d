/**
 * Word errors on the labeled clips, greedy and with timestamps, of the bundled model and, if SOTTO_BASE is set, of the
 * float16 weights; `npm run wer` has more settings.
 *
 *     npm run bench -- wer [--save-baseline]
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readClips, root, setOf } from './clips.js';
import { float16Model, load, PLAIN, starterModel, transcribeFile } from './in-process.js';
import { printTable, saveResult } from './report.js';
import { scoreTexts, missingScorer, totalErrors } from './score.js';

export async function wordErrors(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: { 'save-baseline': { type: 'boolean', default: false } },
  });
  const missing = missingScorer();
  if (missing !== undefined) throw new Error(missing);
  const clips = readClips().filter((clip) => setOf(clip) !== 'unlabeled');
  const float16 = float16Model();
  const models = [
    { name: 'starter', dir: starterModel() },
    ...(float16 === undefined ? [] : [{ name: 'float16', dir: float16 }]),
  ];
  const texts = new Map<string, Map<string, string>>();
  for (const { name, dir } of models) {
    const model = await load(dir);
    const own = new Map<string, string>();
    for (const { id, file, language } of clips) {
      const options = {
        ...PLAIN,
        whisper: { conditionOnPreviousText: false },
        ...(language === null ? {} : { language }),
      };
      own.set(id, (await transcribeFile(model, file, options)).result.text);
    }
    model.dispose();
    texts.set(name, own);
  }
  const scores = scoreTexts(texts, join(root, 'test/bench/results/wer'));
  const rows = [...scores].map(([model, byClip]) => ({
    model,
    clips: byClip.size,
    ...(totalErrors(byClip, [...byClip.keys()]) ?? { errors: NaN, words: NaN }),
  }));
  printTable(
    ['model', 'clips', 'errors', 'words', '%'],
    rows.map(({ model, clips, errors, words }) => [
      model,
      ...[clips, errors, words].map(String),
      ((100 * errors) / words).toFixed(2),
    ]),
  );
  saveResult('wer', { rows }, args['save-baseline']);
}
