import { SottoError } from '#daemon/protocol/errors.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';

import type { WhisperConfig } from './whisper-config.js';

type Task = NonNullable<TranscribeOptions['task']>;

/**
 * Validates the task. Turbo and the distilled models have fewer decoder than encoder layers and were trained only to
 * transcribe: asked to translate, they transcribe.
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
  const reason = isMultilingual ? 'cannot translate' : 'supports only English';
  throw new SottoError('INVALID_ARGUMENT', `this model ${reason}`, {
    hint: 'use a multilingual model that is neither turbo nor distilled, such as base, small or large-v3',
  });
}
