import { SottoError } from '#daemon/protocol/errors.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';

import type { WhisperConfig } from './whisper-config.js';

type TrainedTasks = Pick<WhisperConfig, 'isMultilingual' | 'nTextLayer' | 'nAudioLayer'>;
type Task = NonNullable<TranscribeOptions['task']>;

/**
 * Whether the model was trained to translate into English. Turbo and the distilled models have fewer decoder than encoder
 * layers and were not: asked to translate, they transcribe.
 */
export function canTranslate({ isMultilingual, nTextLayer, nAudioLayer }: TrainedTasks): boolean {
  return isMultilingual && nTextLayer >= nAudioLayer;
}

/** @throws SottoError INVALID_ARGUMENT */
export function checkedTask(task: Task, config: TrainedTasks): Task {
  if (task === 'transcribe' || canTranslate(config)) return task;
  const reason = config.isMultilingual ? 'cannot translate' : 'supports only English';
  throw new SottoError('INVALID_ARGUMENT', `this model ${reason}`, {
    hint: 'use a multilingual model that is neither turbo nor distilled, such as base, small or large-v3',
  });
}
