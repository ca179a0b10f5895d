import { SottoError } from '#daemon/protocol/errors.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';

import type { WhisperConfig } from './config.js';

type Task = NonNullable<TranscribeOptions['task']>;

/**
 * The task, if the model was trained for it. Turbo and the distilled models have fewer decoder layers than encoder layers
 * and learnt to write down alone: asked to translate, they write down in the language that is spoken.
 *
 * @throws SottoError INVALID_ARGUMENT
 */
export function checkedTask(
  task: Task,
  {
    isMultilingual,
    nTextLayer,
    nAudioLayer,
  }: Pick<WhisperConfig, 'isMultilingual' | 'nTextLayer' | 'nAudioLayer'>,
): Task {
  if (task === 'transcribe' || (isMultilingual && nTextLayer >= nAudioLayer)) return task;
  const reason = isMultilingual ? 'was not trained to translate' : 'knows English only';
  throw new SottoError('INVALID_ARGUMENT', `this model ${reason}`, {
    hint: 'translate with a multilingual model that is neither turbo nor distilled, such as base, small or large-v3',
  });
}
