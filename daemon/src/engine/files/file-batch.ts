/**
 * How many windows of a file are decoded at once by default. On a GPU they share each read of the weights and the
 * host's time for each op; on the CPU one window keeps all cores busy.
 */
import { totalmem } from 'node:os';
import type { Recognizer } from '#daemon/models/speech-model.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';

/** More rows gain little: by then the windows' own keys and values are most of what is read. */
const MAX_ROWS = 8;
/** Share of the models' memory for all rows; models may use half of the machine's memory if no limit is set. */
const MEMORY_SHARE = 1 / 8;
/** Shorter files finish sooner window by window, and their text appears as it is decoded. */
const MIN_SECONDS = 120;

/**
 * How many windows fit into memory, at least 1.
 *
 * @param rowBytes undefined: the model decodes one window at a time
 * @param maxBytes memory that models may use
 */
export function rowsThatFit(rowBytes: number | undefined, maxBytes = totalmem() / 2): number {
  if (rowBytes === undefined) return 1;
  return Math.max(1, Math.min(MAX_ROWS, Math.floor((maxBytes * MEMORY_SHARE) / rowBytes)));
}

/** Adds a batch size to the options for a long file, unless they need windows in order or set one themselves. */
export function withRows(
  options: TranscribeOptions,
  rows: number,
  durationSeconds: number | undefined,
  { batch }: Pick<Recognizer, 'batch'>,
): TranscribeOptions {
  const isLong = durationSeconds !== undefined && durationSeconds >= MIN_SECONDS;
  if (rows < 2 || !isLong || options.batchSize !== undefined || batch?.suits(options) === false)
    return options;
  return { ...options, batchSize: rows };
}
