/** `sotto models quantize`: quantizes a model and compares it with its source. */
import { existsSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { bundledSpeech, type Paths } from '../../paths.js';
import { SottoError } from '../../protocol/errors.js';
import type { ModelRef } from '../../protocol/ipc.js';
import type { ConvertOptions, ModelMetadata } from '../../protocol/model-process.js';
import { readClips, type LabeledClip } from './labeled-clips.js';
import { describeWeights, shortWeights } from './describe-model.js';
import { stageBar, type StageBar } from '../terminal/stage-bar.js';
import {
  compare,
  comparisonTable,
  figuresOf,
  type Comparison,
  type ModelFigures,
} from './quantize-report.js';
import { terminalColumns } from './model-table.js';
import { measureModel, runModelTool } from '../../supervisor/model-tool-process.js';
import { styleFor, wantsColor } from '../terminal/style.js';

interface QuantizeModelOptions {
  readonly model: ModelRef;
  /** Absolute. */
  readonly out: string;
  readonly force: boolean;
  readonly options: ConvertOptions & { readonly bits: number };
  /** Folder of labeled clips for the comparison; none if undefined. */
  readonly clips: string | undefined;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** The default place: among the user's models, named after the source and its bits. */
export function outputDirFor(paths: Paths, name: string, bits: number, out: string | undefined): string {
  if (out === undefined) return join(paths.models, `${name.replace(/-\d+bit$/, '')}-${bits}bit`);
  if (isAbsolute(out) || out.includes('/') || out.startsWith('.')) return resolve(out);
  return join(paths.models, out);
}

export const sampleClips = bundledSpeech;

/** @returns the exit code @throws SottoError */
export async function quantizeModel(run: QuantizeModelOptions): Promise<number> {
  const { model, out, force, options, json, signal } = run;
  if (run.clips !== undefined) assertClipsExist(run.clips, readClips(run.clips));
  const put = (text: string): void => void (json || process.stdout.write(text));
  const bar = stageBar();
  let facts: ModelMetadata;
  try {
    facts = await runModelTool(
      { type: 'convert', dir: model.dir, out, force, options },
      { signal, onProgress: (stage, fraction) => bar.show(stage, fraction) },
    );
  } finally {
    bar.clear();
  }
  const notes = notesOn(facts, options);
  put(`${describeWeights(facts)}\nwritten to ${out}\n`);
  if (facts.notFinite.length > 0) {
    throw new SottoError('MODEL_CORRUPT', `values are not finite: ${facts.notFinite.join(', ')}`, {
      hint: `check the source with \`sotto models verify ${model.name}\``,
    });
  }
  if (run.clips === undefined) {
    for (const note of notes) put(`\n${note}\n`);
    if (json) process.stdout.write(`${JSON.stringify({ out, facts, notes })}\n`);
    return 0;
  }
  let comparison: Comparison;
  try {
    comparison = await compareWithSource(run, run.clips, facts, notes, bar);
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new SottoError('CANCELLED', `the comparison was cancelled; ${out} is complete`, {
      hint: 'check it with `sotto models verify`',
    });
  }
  if (json) {
    process.stdout.write(`${JSON.stringify({ out, facts, ...comparison, notes })}\n`);
    return 0;
  }
  put(`\n${comparisonTable(comparison, terminalColumns(), styleFor(wantsColor(process.stdout)))}`);
  put(`\n${comparison.conclusion}\n`);
  for (const note of notes) put(`${note}\n`);
  return 0;
}

/** Fails before the work instead of after it. */
function assertClipsExist(folder: string, clips: readonly LabeledClip[]): void {
  const missing = clips.find(({ file }) => !existsSync(join(folder, file)));
  if (missing === undefined) return;
  throw new SottoError(
    'AUDIO_NOT_FOUND',
    `${missing.file} is listed in manifest.jsonl but missing from ${folder}`,
  );
}

async function compareWithSource(
  { model, out, signal }: QuantizeModelOptions,
  folder: string,
  facts: ModelMetadata,
  notes: string[],
  bar: StageBar,
): Promise<Comparison> {
  const clips = readClips(folder);
  const source = await inspectModel(model, signal, bar);
  if (source.quantization !== undefined) {
    notes.push(
      `${model.name} is already quantized, which adds its rounding to the result. For the best result, start from float16.`,
    );
  }
  const figures = (name: string, dir: string, of: ModelMetadata): Promise<ModelFigures> =>
    measureFigures({ name, dir, facts: of }, folder, clips, signal, bar);
  const before = await figures(model.name, model.dir, source);
  return compare(before, await figures(lastSegment(out), out, facts));
}

async function inspectModel({ dir }: ModelRef, signal: AbortSignal, bar: StageBar): Promise<ModelMetadata> {
  try {
    return await runModelTool(
      { type: 'inspect', dir },
      { signal, onProgress: (stage, fraction) => bar.show(stage, fraction) },
    );
  } finally {
    bar.clear();
  }
}

/** A fresh process for each model, so that no caches are shared. */
async function measureFigures(
  { name, dir, facts }: { name: string; dir: string; facts: ModelMetadata },
  folder: string,
  clips: readonly LabeledClip[],
  signal: AbortSignal,
  bar: StageBar,
): Promise<ModelFigures> {
  const clipRequests = clips.map(({ file, language }) => ({
    file: join(folder, file),
    ...(facts.languages.includes(language) && { language }),
  }));
  try {
    const measurement = await measureModel(
      { dir, clips: clipRequests },
      { signal, onProgress: (stage, fraction) => bar.show(stage, fraction) },
    );
    const bytes = facts.files.reduce((sum, file) => sum + file.bytes, 0);
    return figuresOf({ name, weights: shortWeights(facts), bytes }, measurement, clips);
  } finally {
    bar.clear();
  }
}

/** mlx-whisper 0.4.3 supports one bit width per model. */
function notesOn({ layers = [] }: ModelMetadata, { bits }: ConvertOptions): string[] {
  const groups = layers.filter(({ groupSize }) => groupSize !== undefined);
  if (groups.length < 2) return [];
  return [
    `mlx-whisper needs one bit width for all layers; this model has layers of ${groups.map((group) => `${group.bits}`).join(' and ')} bits. For mlx-whisper: --bits ${bits} --embedding-bits ${bits} --first-last-bits ${bits} (or 16: not quantized).`,
  ];
}

const lastSegment = (path: string): string => path.split('/').at(-1) ?? path;
