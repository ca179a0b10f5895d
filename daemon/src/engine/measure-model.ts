/** Measures a model on clips: load time, transcripts and speed, for comparisons of models. */
import type { Recognizer } from '#daemon/models/speech-model.js';
import type { ModelMeasurement, ModelRequest } from '#daemon/protocol/model-process.js';

type Clip = Extract<ModelRequest, { type: 'measure' }>['clips'][number];

/** The first load reads the files into memory; the fastest of the others counts. */
const LOADS = 3;

/** @throws SottoError as loading the model and reading the clips do */
export async function measureModel(
  dir: string,
  clips: readonly Clip[],
  { signal, onProgress }: { signal: AbortSignal; onProgress: (fraction: number) => void },
): Promise<ModelMeasurement> {
  const [{ mx }, { loadRecognizer }, { openAudio }, { limitCache }] = await Promise.all([
    import('#native/index.js'),
    import('#daemon/models/registry.js'),
    import('#daemon/audio/decode-file.js'),
    import('./cache-limit.js'),
  ]);
  limitCache();
  let model: Recognizer | undefined;
  let loadSeconds = Infinity;
  try {
    for (let i = 0; i < LOADS; i++) {
      model?.dispose();
      const begin = performance.now();
      model = await loadRecognizer(dir, { signal });
      if (i > 0) loadSeconds = Math.min(loadSeconds, (performance.now() - begin) / 1000);
    }
    if (model === undefined) throw new RangeError('nothing was loaded');
    mx.memory.resetPeak();
    const before = mx.memory.active();
    const sums = { audioSeconds: 0, workSeconds: 0, decodeSeconds: 0, tokens: 0 };
    const transcripts: string[] = [];
    for (const [done, { file, language }] of clips.entries()) {
      const audio = await openAudio(file);
      try {
        const run = model.transcribe(audio, language === undefined ? {} : { language }, signal);
        let step = await run.next();
        while (step.done !== true) step = await run.next();
        const result = step.value;
        transcripts.push(result.text);
        sums.audioSeconds += result.durationSeconds;
        sums.workSeconds += result.timings.total;
        sums.decodeSeconds += result.timings.decode;
        sums.tokens += result.segments.reduce((sum, { tokens = [] }) => sum + tokens.length, 0);
      } finally {
        await audio.close();
      }
      onProgress((done + 1) / clips.length);
    }
    const { weightBytes } = model;
    const peakBytes = Math.max(weightBytes, weightBytes + mx.memory.peak() - before);
    return { loadSeconds, weightBytes, peakBytes, ...sums, transcripts };
  } finally {
    model?.dispose();
  }
}
