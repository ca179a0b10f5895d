import type { FileWork } from '#daemon/protocol/ipc.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';

/** Work that transcribes. */
export function transcribeWork(options: TranscribeOptions = {}): FileWork {
  return { task: 'transcribe', options };
}

/** The options of work that transcribes. */
export function optionsOf({ work }: { readonly work: FileWork }): TranscribeOptions {
  if (work.task !== 'transcribe') throw new Error('this job does not transcribe');
  return work.options;
}
