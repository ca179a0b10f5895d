/**
 * Long files: sequential and batched decoding, Sotto and faster-whisper, on the same weights, in turn. Reports wall time
 * and CPU time, which other programs disturb less.
 *
 *     npm run bench -- long-form [--model DIR] [--clips ID,…] [--batch 8] [--repeat 2] [--max-wait 60] [--save-baseline]
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { type Clip, LONG_FORM, pickClips, root } from './clips.js';
import { ContenderProcess } from './contender-process.js';
import { type Contender, THREADS } from './contenders.js';
import { Disturbance, rest, systemTicks } from './disturbance.js';
import { float16Model, samplesOf, starterModel } from './in-process.js';
import { commit, machine, markdownTable, saveResult } from './report.js';
import { missingScorer, scoreTexts, totalErrors, type WordErrors } from './score.js';

const CLIPS = [LONG_FORM, 'es-capitan-veneno', 'sonnet1', 'long-pause-35s-open'];
const TICKS_PER_SECOND = 100;

interface Row extends Contender {
  /** The row that its time is relative to. */
  readonly base: string;
}

interface Lap {
  readonly seconds: number;
  readonly processor: number;
  readonly text: string;
}

export async function longForm(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      model: { type: 'string', default: float16Model() ?? starterModel() },
      clips: { type: 'string' },
      batch: { type: 'string', default: '8' },
      repeat: { type: 'string', default: '2' },
      'max-wait': { type: 'string', default: '60' },
      'no-peers': { type: 'boolean', default: false },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const rows = [...sottoRows(args.model, Number(args.batch)), ...(args['no-peers'] ? [] : peers(args.batch))];
  const clips = pickClips(args.clips?.split(',') ?? CLIPS);
  const work = mkdtempSync(join(tmpdir(), 'sotto-bench-'));
  const laps = new Map(rows.map(({ name }) => [name, new Map<string, Lap[]>()]));
  const disturbance = new Disturbance();
  let waitBudgetMs = 1000 * Number(args['max-wait']);
  try {
    const files = new Map<string, string>();
    for (const clip of clips) {
      const file = join(work, `${clip.id}.f32`);
      const samples = await samplesOf(clip.file);
      writeFileSync(file, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength));
      files.set(clip.id, file);
    }
    for (let round = 0; round < Number(args.repeat); round++) {
      for (const row of [...rows.slice(round), ...rows.slice(0, round)]) {
        const child = ContenderProcess.start(row, join(root, 'test/bench/results/log', `${row.name}.log`));
        try {
          const last = clips.at(-1);
          if (last) await child.transcribe(files.get(last.id) ?? '', last.language ?? 'en'); // warm
          for (const clip of clips) {
            await child.idle();
            waitBudgetMs -= await rest(waitBudgetMs);
            const [before, own] = [systemTicks(), child.cpuTicks() ?? 0];
            const { seconds, text } = await child.transcribe(files.get(clip.id) ?? '', clip.language ?? 'en');
            const ticks = (child.cpuTicks() ?? own) - own;
            disturbance.add(before, systemTicks(), ticks);
            const of = laps.get(row.name);
            of?.set(clip.id, [
              ...(of.get(clip.id) ?? []),
              { seconds, processor: ticks / TICKS_PER_SECOND, text },
            ]);
            console.error(`${row.name}: ${clip.id} ${seconds.toFixed(2)} s`);
          }
        } finally {
          await child.stop();
        }
      }
    }
  } finally {
    rmSync(work, { recursive: true });
  }
  report(rows, clips, laps, disturbance.share, args);
}

function sottoRows(folder: string, batchSize: number): Row[] {
  const row = (name: string, label: string, options: TranscribeOptions): Row => ({
    name,
    label,
    isSotto: true,
    base: 'sequential',
    command: [
      process.execPath,
      join(root, 'dist/test/bench/long-form-worker.js'),
      folder,
      JSON.stringify({ temperature: [0], ...options }),
    ],
    env: {},
  });
  return [
    row('sequential', 'sequential', {}),
    row('unconditioned', 'sequential, without previous text', {
      whisper: { conditionOnPreviousText: false },
    }),
    row('batched', `batches of ${batchSize}, timestamps`, { batchSize }),
    row('batched-text', `batches of ${batchSize}, no timestamps`, { batchSize, timestamps: 'auto' }),
  ];
}

function peers(batch: string): Row[] {
  const reference = join(root, 'test/reference');
  const python = join(reference, '.venv-ct2/bin/python');
  const weights = join(reference, '.weights-peers/base-ct2');
  if (!existsSync(python) || !existsSync(weights)) {
    console.error('without faster-whisper: run test/bench/peers/setup.sh FLOAT16_DIR faster-whisper');
    return [];
  }
  const threads = String(THREADS);
  return ['float32', 'int8'].flatMap((compute) =>
    ['sequential', batch].map((how): Row => ({
      name: `faster-whisper-${compute}-${how}`,
      label: `faster-whisper ${compute}, ${how === 'sequential' ? 'sequential' : `batches of ${how}, no timestamps`}`,
      isSotto: false,
      base: `faster-whisper-${compute}-sequential`,
      command: [python, join(root, 'test/bench/peers/long_form.py'), weights, compute, threads, how],
      env: { OMP_NUM_THREADS: threads, HF_HUB_OFFLINE: '1', CUDA_VISIBLE_DEVICES: '' },
    })),
  );
}

function report(
  rows: readonly Row[],
  clips: readonly Clip[],
  laps: ReadonlyMap<string, ReadonlyMap<string, readonly Lap[]>>,
  disturbed: number | undefined,
  args: { model: string; repeat: string; batch: string; 'save-baseline': boolean },
): void {
  const minOf = (name: string, id: string, of: (lap: Lap) => number): number =>
    Math.min(...(laps.get(name)?.get(id) ?? []).map(of));
  const missing = missingScorer();
  if (missing !== undefined) console.error(`no word errors: ${missing}`);
  const texts = rows.map(({ name }): [string, Map<string, string>] => [
    name,
    new Map([...(laps.get(name) ?? [])].map(([id, [lap]]) => [id, lap?.text ?? ''])),
  ]);
  const scored =
    missing === undefined
      ? scoreTexts(new Map(texts), join(root, 'test/bench/results/long-form'))
      : new Map<string, Map<string, WordErrors>>();
  const figures = rows.map(({ name, label, base, isSotto }) => {
    const errors = (ids: readonly string[]): number | undefined => {
      const total = totalErrors(scored.get(name), ids);
      return total && (100 * total.errors) / total.words;
    };
    const of = (id: string) => ({
      seconds: minOf(name, id, (lap) => lap.seconds),
      processor: minOf(name, id, (lap) => lap.processor),
      wer: errors([id]),
      quicker: minOf(base, id, (lap) => lap.seconds) / minOf(name, id, (lap) => lap.seconds),
      cheaper: minOf(base, id, (lap) => lap.processor) / minOf(name, id, (lap) => lap.processor),
    });
    return {
      name,
      label,
      isSotto,
      clips: Object.fromEntries(clips.map(({ id }) => [id, of(id)])),
      wer: errors(clips.map(({ id }) => id)),
    };
  });
  const long = clips[0]?.id ?? '';
  const audio = clips[0]?.seconds ?? NaN;
  const times = (x: number | undefined) => `${x?.toFixed(2)} ×`;
  const percent = (x: number | undefined) => (x === undefined ? '' : `${x.toFixed(2)} %`);
  const table = markdownTable(
    [
      '',
      's',
      'real-time factor',
      'relative to sequential',
      'CPU s',
      'relative',
      'WER',
      ...clips.slice(1).map(({ id }) => `WER ${id}`),
      'WER of all',
    ],
    figures.map(({ label, clips: of, wer }) => [
      label,
      of[long]?.seconds.toFixed(2) ?? '',
      ((of[long]?.seconds ?? NaN) / audio).toFixed(4),
      times(of[long]?.quicker),
      of[long]?.processor.toFixed(2) ?? '',
      times(of[long]?.cheaper),
      percent(of[long]?.wer),
      ...clips.slice(1).map(({ id }) => percent(of[id]?.wer)),
      percent(wer),
    ]),
  );
  const { cpu, cores, os, node, date } = machine();
  const others =
    disturbed === undefined ? '' : ` Other programs used ${(100 * disturbed).toFixed(0)} % of the CPU.`;
  const md = `# Long form: sequential, and batches of ${args.batch}

commit ${commit()} · ${date} · ${cpu}, ${cores} cores, ${os}, Node ${node}  
${basename(args.model)}, float16 source for all · ${long}, ${audio.toFixed(0)} s, decoded samples · beam size 1, temperature 0, VAD, ${THREADS} threads; best of ${args.repeat}, in turn.${others}

${table}

Sequential decoding conditions on previous text and writes timestamps; batched decoding does neither. *Timestamps* in a
batch: words are aligned with the audio, and segments are sentences with the times of their words. \`npm run bench -- long-form\`
`;
  console.log(md);
  saveResult(
    'long-form',
    { args: { ...args, model: basename(args.model) }, disturbed, figures },
    args['save-baseline'],
    { md },
  );
}
