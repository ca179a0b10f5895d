import type { SpeechModel } from '#daemon/models/speech-model.js';

/**
 * The options without the words of the user's vocabulary if the model has no hotwords: the vocabulary fits any model, while
 * hotwords of the request itself are for the model to refuse.
 */
export function withFittingHotwords<T extends { hotwords?: string[]; vocabulary?: boolean }>(
  options: T,
  { capabilities }: Pick<SpeechModel, 'capabilities'>,
): T {
  if (options.vocabulary !== true || capabilities.transcribe?.hotwords !== false) return options;
  const { hotwords: _, ...rest } = options;
  return rest as T;
}
