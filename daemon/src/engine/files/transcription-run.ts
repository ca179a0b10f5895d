import { asRecognizer, type AudioStream, type Recognizer } from '#daemon/models/speech-model.js';
import { defined } from '#daemon/protocol/defined.js';
import type { EngineSummary, FromEngine } from '#daemon/protocol/ipc.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { throwIfCancelled } from '../../async.js';
import { trace } from '../../trace.js';
import { HeldAudio } from '../align/held-audio.js';
import { asAligner, WordAligner, type Aligner } from '../align/word-aligner.js';
import { withFittingHotwords } from '../fitting-hotwords.js';
import { withRows } from './file-batch.js';
import { withAudio, type FileContext } from './file-context.js';

/** Windows of a file that are decoded at once. */
export type RowsFor = (model: Recognizer, options: TranscribeOptions) => number;

/** Sends the text of a file as it is decoded. @returns the last message */
export async function transcribeFile(
  context: FileContext,
  options: TranscribeOptions,
  rowsFor: RowsFor,
): Promise<FromEngine & { type: 'done' }> {
  const { job, open, loading, loadingAligner, signal, send } = context;
  const audio = await open();
  trace('engine', 'file open');
  return withAudio(audio, signal, async () => {
    const { durationSeconds } = audio;
    send({ type: 'opened', job, ...defined({ durationSeconds }) });
    const openedMs = performance.now();
    const model = asRecognizer((await loading).model);
    const aligner = loadingAligner && asAligner(asRecognizer((await loadingAligner).model));
    trace('engine', 'model in memory');
    // The time spent waiting for the model, including a load already under way; none if it was warm.
    const load = (performance.now() - openedMs) / 1000;
    const rows = rowsFor(model, options);
    const timed = aligner === undefined ? options : withWordTimes(options, model);
    const fitting = withRows(withFittingHotwords(timed, model), rows, durationSeconds, model);
    const summary = await decode(context, model, audio, fitting, aligner);
    return { type: 'done', job, summary: { ...summary, timings: { ...summary.timings, load } } };
  });
}

async function decode(
  { job, scheduler, signal, send }: FileContext,
  model: Recognizer,
  audio: AudioStream,
  options: TranscribeOptions,
  aligner: Aligner | undefined,
): Promise<Omit<EngineSummary, 'timings'> & { timings: Omit<EngineSummary['timings'], 'load'> }> {
  signal.throwIfAborted();
  const held = aligner && new HeldAudio(audio);
  const words = held && new WordAligner(aligner, held, signal);
  const recognized = model.transcribe(held ?? audio, options, signal);
  const events = words?.align(recognized) ?? recognized;
  for (;;) {
    await scheduler.yieldToRealtime(signal);
    const step = await events.next();
    if (step.done === true) {
      throwIfCancelled(signal);
      trace('engine', 'transcript complete');
      const { language, durationSeconds, timings } = step.value;
      return { language, durationSeconds, timings, ...defined({ alignment: words?.counts }) };
    }
    // The model sees the signal itself and stops at its next step; its events until then are dropped.
    if (!signal.aborted) send({ type: 'event', job, event: step.value });
  }
}

/** Words without letters of the aligner keep the recognizer's times. */
function withWordTimes(options: TranscribeOptions, { capabilities }: Recognizer): TranscribeOptions {
  return capabilities.transcribe?.wordTimestamps === true ? { ...options, wordTimestamps: true } : options;
}
