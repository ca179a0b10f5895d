/**
 * Overhead of the daemon: the same file, model and options with a warm daemon over its socket and with the model in this
 * process, in turn. The connection stays open, as a client's would; both read and decode the file. "Outside the model"
 * is the wall time without the model's own time, which is less noisy.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './clips.js';
import { type TimedRequest, DaemonUnderTest } from './daemon-client.js';
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
  const file = resolve(args.file);
  const home = mkdtempSync(join(tmpdir(), 'sotto-overhead-'));
  const model = await load(args.model);
  const daemon = await DaemonUnderTest.start(home);
  const direct: TimedRequest[] = [];
  const through: TimedRequest[] = [];
  try {
    const requestDaemon = () => daemon.transcribe(file, { ...options }, args.model);
    for (let warmUp = 0; warmUp < 3; warmUp++) {
      await transcribeFile(model, file, options);
      await requestDaemon();
    }
    for (let i = 0; i < Number(args.repeat); i++) {
      const turns = [
        async () => {
          const { result, seconds } = await transcribeFile(model, file, options);
          direct.push({ seconds, inModel: result.timings.total });
        },
        async () => through.push(await requestDaemon()),
      ];
      for (const turn of i % 2 === 0 ? turns : turns.reverse()) await turn();
    }
  } finally {
    await daemon.stop();
    model.dispose();
    rmSync(home, { recursive: true, force: true });
  }
  const wall = (runs: readonly TimedRequest[]) => runs.map(({ seconds }) => seconds * 1000);
  const outsideModel = (runs: readonly TimedRequest[]) =>
    runs.map(({ seconds, inModel }) => (seconds - inModel) * 1000);
  const row = (name: string, runs: readonly TimedRequest[]) => [
    name,
    median(wall(runs)).toFixed(1),
    spread(wall(runs)).toFixed(2),
    median(outsideModel(runs)).toFixed(1),
  ];
  printTable(
    ['path', 'median, ms', 'spread', 'outside the model, ms'],
    [row('in this process', direct), row('warm daemon', through)],
  );
  const addedMs = median(wall(through)) - median(wall(direct));
  const percent = (100 * addedMs) / median(wall(direct));
  const pairedMs = median(wall(through).map((ms, i) => ms - (wall(direct)[i] ?? NaN)));
  const outsideModelMs = median(outsideModel(through)) - median(outsideModel(direct));
  console.log(
    `the daemon adds ${addedMs.toFixed(1)} ms (${percent.toFixed(2)} %) between medians, ${pairedMs.toFixed(1)} ms in ` +
      `the median of ${direct.length} pairs, ${outsideModelMs.toFixed(1)} ms outside the model`,
  );
  saveResult(
    'overhead',
    { addedMs, percent, pairedMs, outsideModelMs, direct, through },
    args['save-baseline'],
  );
}
