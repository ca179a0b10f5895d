/** `sotto models verify`: checks files, values and a sample transcript. */
import { join } from 'node:path';
import { bundledSpeech, type Paths } from '../../paths.js';
import { SottoError } from '../../protocol/errors.js';
import type { ModelRef } from '../../protocol/ipc.js';
import type { ModelMetadata } from '../../protocol/model-process.js';
import { verifyAgainstRecord, type VerifyResult } from '../../store/verify-model.js';
import { readClips, type LabeledClip } from './labeled-clips.js';
import { describeModel } from './describe-model.js';
import { stageBar } from '../terminal/stage-bar.js';
import { runModelTool } from '../../supervisor/model-tool-process.js';
import { InProcessTranscriber } from '../transcribe/in-process-transcriber.js';
import type { Transcriber } from '../../batch/transcriber.js';
import { errorsIn, percent, type Errors } from './word-errors.js';

interface VerifyModelOptions {
  readonly model: ModelRef;
  /** Folder of labeled clips, with a manifest.jsonl. */
  readonly wer?: string;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** Maximum share of wrong words in the sample clip of a working model. */
const MAX_WORD_ERROR_RATE = 0.5;

interface Scored extends Errors {
  readonly file: string;
  readonly language: string;
  readonly transcript: string;
}

/** @returns exit code 1 if the model does not work @throws SottoError */
export async function verifyModel(
  paths: Paths,
  { model, wer, json, signal }: VerifyModelOptions,
): Promise<number> {
  const sample = sampleClip();
  const clips = wer === undefined ? [] : readClips(wer);
  const bar = stageBar();
  let facts: ModelMetadata;
  let verified: VerifyResult | undefined;
  try {
    // Hashes first: a corrupt download needs no further check.
    verified = await verifyAgainstRecord(model.dir, signal, (fraction) => bar.show('checking', fraction));
    const wrong = verified?.files.filter(({ state }) => state !== 'ok') ?? [];
    if (wrong.length > 0) {
      throw new SottoError(
        'MODEL_CORRUPT',
        `${model.name} differs from its download: ${wrong.map(({ name, state }) => `${name} is ${state}`).join(', ')}`,
        {
          hint: `\`sotto models pull ${verified?.repo}@${verified?.revision} --as ${model.name} --again\` downloads it again`,
        },
      );
    }
    facts = await runModelTool(
      { type: 'inspect', dir: model.dir },
      { signal, onProgress: (stage, fraction) => bar.show(stage, fraction) },
    );
  } finally {
    bar.clear();
  }
  const put = (text: string) => void (json || process.stdout.write(text));
  put(describeModel(facts));
  if (verified !== undefined) put(`\nall files match ${verified.repo} at ${verified.revision.slice(0, 8)}\n`);
  const transcriber = new InProcessTranscriber(paths);
  try {
    const score = (folder: string, clip: LabeledClip) =>
      scoreClip(transcriber, model, folder, clip, facts, signal);
    const transcript = await score(bundledSpeech, sample);
    put(
      `\nsample clip (${sample.file}): ${transcript.errors} of ${transcript.spoken} words wrong\n  ${transcript.transcript.trim()}\n`,
    );
    const scored: Scored[] = [];
    if (clips.length > 0) put('\n');
    for (const clip of clips) {
      const result = await score(wer ?? '', clip);
      scored.push(result);
      put(`${percent(result).padStart(8)}  ${result.language.padEnd(3)}  ${result.file}\n`);
    }
    const table = byLanguage(scored);
    for (const row of table) {
      put(`${row.language.padEnd(5)} ${percent(row)} (${row.errors} of ${row.spoken}, ${row.clips} clips)\n`);
    }
    const works =
      facts.notFinite.length === 0 && transcript.errors <= MAX_WORD_ERROR_RATE * transcript.spoken;
    if (json)
      process.stdout.write(
        `${JSON.stringify({ ...facts, verified, works, sample: transcript, scored, table })}\n`,
      );
    put(works ? '\nThe model works.\n' : '\nThe model doesn’t work.\n');
    return works ? 0 : 1;
  } finally {
    await transcriber.close();
  }
}

async function scoreClip(
  transcriber: Transcriber,
  model: ModelRef,
  folder: string,
  { file, text, language }: LabeledClip,
  { languages }: ModelMetadata,
  signal: AbortSignal,
): Promise<Scored> {
  let transcript = '';
  const options = languages.includes(language) ? { language } : {};
  for await (const event of transcriber.transcribe(join(folder, file), options, {
    signal,
    model: model.dir,
  })) {
    if (event.type === 'segment') transcript += event.segment.text;
  }
  return { file, language, transcript, ...errorsIn(text, transcript, language) };
}

/** English, which every model knows. */
function sampleClip(): LabeledClip {
  const clip = readClips(bundledSpeech).find(({ language }) => language === 'en');
  if (clip === undefined)
    throw new SottoError('AUDIO_NOT_FOUND', `there is no English clip in ${bundledSpeech}`);
  return clip;
}

function byLanguage(scored: readonly Scored[]): (Errors & { language: string; clips: number })[] {
  const rows = [...new Set(scored.map(({ language }) => language))].sort().map((language) => ({
    language,
    of: scored.filter((clip) => clip.language === language),
  }));
  if (rows.length > 1) rows.push({ language: 'all', of: [...scored] });
  return rows.map(({ language, of }) => ({
    language,
    clips: of.length,
    errors: of.reduce((sum, { errors }) => sum + errors, 0),
    spoken: of.reduce((sum, { spoken }) => sum + spoken, 0),
  }));
}
