/** Aligns a text with a file, for `sotto align`. */
import { wordsOfText, type Alignment } from '#daemon/protocol/aligned-text.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { ModelRequest } from '#daemon/protocol/model-process.js';

type AlignRequest = Extract<ModelRequest, { type: 'align' }>;

/** @throws SottoError as loading the model, reading the file and `Recognizer.align` do; MODEL_UNSUPPORTED */
export async function alignFile(
  { dir, file, text, language }: AlignRequest,
  { signal, onProgress }: { signal: AbortSignal; onProgress: (fraction: number) => void },
): Promise<Alignment> {
  const [{ loadRecognizer }, { openAudio }, { limitCache }] = await Promise.all([
    import('#daemon/models/registry.js'),
    import('#daemon/audio/decode-file.js'),
    import('../cache-limit.js'),
  ]);
  limitCache();
  const model = await loadRecognizer(dir, { signal });
  try {
    if (model.align === undefined || model.capabilities.transcribe?.aligns !== true) {
      throw new SottoError('MODEL_UNSUPPORTED', `${model.name} can’t align a text`, {
        hint: 'choose a model that can, such as a Wav2Vec2 folder, with --model',
      });
    }
    const audio = await openAudio(file);
    try {
      const words = wordsOfText(text);
      return await model.align(audio, words, language === undefined ? {} : { language }, signal, onProgress);
    } finally {
      await audio.close();
    }
  } finally {
    model.dispose();
  }
}
