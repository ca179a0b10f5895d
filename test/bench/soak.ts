/**
 * Many transcriptions of mixed lengths in one engine process, some of them canceled midway: the memory of JavaScript and
 * MLX must not grow. Exits nonzero if the number of live arrays differs from that after the warm-up, or if resident
 * memory grows by more than `--max-growth-mb` over the second half.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { EngineFigures } from '#daemon/protocol/status.js';
import { cutClips } from './cut-clips.js';
import { EngineClient } from './engine-client.js';
import { PLAIN, starterModel } from './in-process.js';
import { printTable, saveResult, slope } from './report.js';

/** Lengths in seconds: under a second, about a window, more than one, more than two. */
const LENGTHS = [3, 7.3, 0.6, 12, 29.9, 1.5, 5, 30, 9, 17.2, 4.4, 31.5, 2.2, 8, 61];
const MB = 2 ** 20;

export async function soak(argv: string[]): Promise<void> {
  const { values: args, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      model: { type: 'string', default: starterModel() },
      'max-growth-mb': { type: 'string', default: '64' },
      'cancel-every': { type: 'string', default: '7' },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const count = Number(positionals[0] ?? 200);
  const work = mkdtempSync(join(tmpdir(), 'sotto-soak-'));
  const engine = new EngineClient({ name: basename(args.model), dir: args.model });
  try {
    const files = await cutClips(work, LENGTHS);
    await engine.load();
    for (const file of files.slice(0, 3)) await engine.run(file, { ...PLAIN, language: 'en' });
    const before = await engine.figures();
    const figures: EngineFigures[] = [];
    const outcomes = { done: 0, cancelled: 0, failed: 0 };
    const begin = performance.now();
    for (let i = 0; i < count; i++) {
      const file = files[i % files.length] ?? '';
      const cancel = (i + 1) % Number(args['cancel-every']) === 0 ? 300 + 100 * (i % 20) : undefined;
      const { outcome, message } = await engine.run(file, { ...PLAIN, language: 'en' }, cancel);
      outcomes[outcome]++;
      if (outcome === 'failed') console.error(`${basename(file)}: ${message}`);
      figures.push(await engine.figures());
      if ((i + 1) % 20 === 0) {
        const { rssBytes, liveArrays } = figures[i] ?? before;
        console.error(
          `${i + 1}/${count}: ${liveArrays} live arrays, ${(rssBytes / MB).toFixed(0)} MB resident`,
        );
      }
    }
    finish(before, figures, outcomes, (performance.now() - begin) / 1000, args);
  } finally {
    engine.stop();
    rmSync(work, { recursive: true });
  }
}

function finish(
  before: EngineFigures,
  figures: readonly EngineFigures[],
  outcomes: Record<string, number>,
  seconds: number,
  args: { 'max-growth-mb': string; 'save-baseline': boolean },
): void {
  const after = figures.at(-1) ?? before;
  const half = figures.slice(figures.length >> 1);
  const mb = (bytes: number | undefined) => (bytes === undefined ? '–' : (bytes / MB).toFixed(1));
  const perRun = (pick: (f: EngineFigures) => number | undefined) => slope(half.map((f) => pick(f) ?? 0));
  printTable(
    ['figure', 'before', 'after', 'peak', 'slope of the 2nd half, per run'],
    (
      [
        ['resident, MB', (f) => f.rssBytes],
        ['MLX active, MB', (f) => f.activeBytes],
        ['MLX cache, MB', (f) => f.cacheBytes],
      ] as [string, (f: EngineFigures) => number | undefined][]
    ).map(([name, pick]) => [
      name,
      mb(pick(before)),
      mb(pick(after)),
      mb(Math.max(...figures.map((f) => pick(f) ?? 0))),
      `${(perRun(pick) / 1024).toFixed(1)} KB`,
    ]),
  );
  const odd = figures.filter((f) => f.liveArrays !== before.liveArrays).length;
  const growth = (perRun((f) => f.rssBytes) * half.length) / MB;
  const text = Object.entries(outcomes).map(([name, n]) => `${n} ${name}`);
  console.log(`${figures.length} runs in ${seconds.toFixed(0)} s: ${text.join(', ')}`);
  console.log(
    `live arrays: ${before.liveArrays} before, ${after.liveArrays} after, different in between ${odd} times`,
  );
  const megabytes = figures.map((f) => Math.round(f.rssBytes / MB)).join(' ');
  saveResult('soak', { before, after, outcomes, growthMb: growth, megabytes }, args['save-baseline']);
  if (after.liveArrays !== before.liveArrays || odd > 0 || (outcomes.failed ?? 0) > 0) process.exitCode = 1;
  if (growth > Number(args['max-growth-mb'])) {
    console.error(`resident memory grew by ${growth.toFixed(0)} MB over the second half`);
    process.exitCode = 1;
  }
}
