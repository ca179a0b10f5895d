/**
 * Transcribes a thousand files, one in twenty broken, while the command, the daemon and the engine are killed in turn:
 * each file must succeed or fail exactly once, with the texts of an undisturbed run. Also measures how long the model
 * waits for the audio of the next file, with and without prefetching.
 *
 *     npm run bench -- batch [--files 1000] [--every 20] [--format srt] [--keep FOLDER]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { killBatchRuns, type KillResult } from '#test/harness/kill-batch-runs.js';
import { sotto } from '#test/harness/run-sotto.js';
import { stopAll } from '#test/harness/stop-all.js';
import { tempHome } from '#test/harness/temp-home.js';
import { createInputTree, createSources, type InputFile } from './batch-material.js';
import { waits } from './batch-waits.js';
import { printTable, saveResult } from './report.js';

export async function batch(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      files: { type: 'string', default: '1000' },
      every: { type: 'string', default: '20' },
      format: { type: 'string', default: 'srt' },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const waited = await waits();
  const home = tempHome();
  // The starter model, as by default.
  writeFileSync(home.paths.settings, '{}');
  const work = mkdtempSync(join(tmpdir(), 'sotto-batch-'));
  try {
    const sources = await createSources(join(work, 'sources'));
    const made = createInputTree(join(work, 'in'), sources, Number(args.files));
    const format = args.format;
    const reference = await sotto(['transcribe', 'sources', '--format', format, '--output', 'reference'], {
      home: home.folder,
      cwd: work,
      realEngine: true,
    });
    if (reference.code !== 0) throw new Error(`the reference run failed: ${reference.stderr}`);
    const startedAtMs = performance.now();
    const output = join(work, 'out');
    const fire = await killBatchRuns({
      home,
      cwd: work,
      args: ['in', '--recursive', '--format', format, '--output', 'out'],
      output,
      texts: made.filter(({ code }) => code === undefined).length,
      everyMs: Number(args.every) * 1000,
      realEngine: true,
      onKill: (victim, texts) =>
        console.error(`${minutes(startedAtMs)}: killed the ${victim} after ${texts} texts`),
    });
    const flaws = flawsOf(made, fire, join(work, 'reference'), format);
    for (const flaw of flaws) console.error(flaw);
    if (flaws.length > 0) process.exitCode = 1;
    const { kills, calls, summary } = fire;
    printTable(
      ['files', 'done', 'failed as expected', 'kills (command, daemon, engine)', 'calls', 'minutes', 'flaws'],
      [
        [
          summary.files,
          summary.done,
          summary.failed,
          Object.values(kills).join(', '),
          calls,
          minutes(startedAtMs),
          flaws.length,
        ].map(String),
      ],
    );
    const counts = { files: summary.files, done: summary.done, failed: summary.failed, left: summary.left };
    saveResult(
      'batch',
      { settings: { ...args }, ...counts, kills, calls, minutes: minutes(startedAtMs), flaws, waits: waited },
      args['save-baseline'],
    );
  } finally {
    await stopAll(home.paths);
    home.remove();
    rmSync(work, { recursive: true, force: true });
  }
}

function minutes(sinceMs: number): string {
  return ((performance.now() - sinceMs) / 60_000).toFixed(1);
}

/** Describes every deviation from the expected result. */
function flawsOf(made: readonly InputFile[], fire: KillResult, reference: string, format: string): string[] {
  const { summary, twice, strays } = fire;
  const results = new Map(summary.results.map((result) => [result.file, result]));
  const flaws = [
    ...twice.map((name) => `${name}: written twice`),
    ...strays.map((name) => `${name}: left behind`),
  ];
  if (summary.results.length !== made.length || results.size !== made.length)
    flaws.push(`${summary.results.length} results for ${made.length} files`);
  const referenceTexts = new Map<string, string>();
  for (const { path, source, code } of made) {
    const result = results.get(path);
    if (code !== undefined) {
      if (result?.state !== 'failed' || result.code !== code)
        flaws.push(`${path}: ${result?.state} ${result?.code ?? ''}, expected failed ${code}`);
      continue;
    }
    if (result?.state !== 'done' || result.output === undefined) {
      flaws.push(`${path}: ${result?.state ?? 'unknown'} ${result?.code ?? ''} ${result?.message ?? ''}`);
      continue;
    }
    const expected = referenceTexts.get(source ?? '') ?? referenceText(reference, source ?? '', format);
    referenceTexts.set(source ?? '', expected);
    if (readFileSync(result.output, 'utf8') !== expected)
      flaws.push(`${path}: the text differs from the undisturbed run`);
  }
  return flaws;
}

/** Text of a source in the reference run. Sources with the same name keep their extensions in the names of their texts. */
function referenceText(reference: string, source: string, format: string): string {
  const names = [`${basename(source, extname(source))}.${format}`, `${basename(source)}.${format}`];
  for (const name of names.reverse()) {
    try {
      return readFileSync(join(reference, name), 'utf8');
    } catch {
      // Tries the other name.
    }
  }
  throw new Error(`the reference run has no text of ${source}`);
}
