/**
 * What the daemon adds: the same file, model and options asked of a warm daemon over its socket and of the model in
 * this process, turn by turn. The connection is kept, as a client's would be; both read and decode the file.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './clips.js';
import { DaemonUnderTest } from './daemon-client.js';
import { load, PLAIN, starterModel, transcribeFile } from './in-process.js';
import { median, printTable, saveResult, spread } from './report.js';

export async function overhead(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      repeat: { type: 'string', default: '24' },
      model: { type: 'string', default: starterModel() },
      file: { type: 'string', default: join(root, 'assets/speech/jfk.flac') },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const options = { ...PLAIN, language: 'en' };
  const home = mkdtempSync(join(tmpdir(), 'sotto-overhead-'));
  const model = await load(args.model);
  const daemon = await DaemonUnderTest.start(home);
  const direct: number[] = [];
  const through: number[] = [];
  try {
    const asked = () => daemon.transcribe(args.file, { ...options }, args.model);
    for (let warmUp = 0; warmUp < 3; warmUp++) {
      await transcribeFile(model, args.file, options);
      await asked();
    }
    for (let i = 0; i < Number(args.repeat); i++) {
      const turns = [
        async () => direct.push((await transcribeFile(model, args.file, options)).seconds),
        async () => through.push(await asked()),
      ];
      for (const turn of i % 2 === 0 ? turns : turns.reverse()) await turn();
    }
  } finally {
    await daemon.stop();
    model.dispose();
    rmSync(home, { recursive: true, force: true });
  }
  const [a, b] = [median(direct), median(through)];
  const paired = median(through.map((seconds, i) => seconds - (direct[i] ?? NaN)));
  const row = (name: string, seconds: number[]) => [
    name,
    (median(seconds) * 1000).toFixed(1),
    spread(seconds).toFixed(2),
  ];
  printTable(['who', 'median, ms', 'spread'], [row('in this process', direct), row('warm daemon', through)]);
  const percent = (100 * (b - a)) / a;
  console.log(
    `the daemon adds ${((b - a) * 1000).toFixed(1)} ms (${percent.toFixed(2)} %) between medians, ` +
      `${(paired * 1000).toFixed(1)} ms in the median of ${direct.length} pairs`,
  );
  saveResult(
    'overhead',
    { direct, through, addedMs: (b - a) * 1000, percent, pairedMs: paired * 1000 },
    args['save-baseline'],
  );
}
