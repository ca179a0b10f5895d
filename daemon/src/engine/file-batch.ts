/**
 * Windows of a file that are decoded at once where no number is given. On a GPU several share each read of the weights and
 * the host's time for each op; on the CPU one window keeps all cores busy.
 */
import { totalmem } from 'node:os';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';

/** More give little: by then the windows' own keys and values are most of what is read. */
const MAX_ROWS = 8;
/** All rows together may take this part of what models may take, which is half of the machine's memory if no limit is set. */
const MEMORY_SHARE = 1 / 8;
/** A shorter file is written sooner window by window, and its text comes as it is decoded. */
const MIN_SECONDS = 120;

/**
 * How many windows fit, 1 where a second one does not.
 *
 * @param rowBytes absent: the model decodes one by one
 * @param maxBytes what models may take
 */
export function rowsThatFit(rowBytes: number | undefined, maxBytes = totalmem() / 2): number {
  if (rowBytes === undefined) return 1;
  return Math.max(1, Math.min(MAX_ROWS, Math.floor((maxBytes * MEMORY_SHARE) / rowBytes)));
}

/** Options that decode several windows of a long file at once, unless they ask for what then is done otherwise or not at all. */
export function withRows(
  options: TranscribeOptions,
  rows: number,
  durationSeconds: number | undefined,
): TranscribeOptions {
  const isLong = durationSeconds !== undefined && durationSeconds >= MIN_SECONDS;
  return rows > 1 && isLong && isPlain(options) ? { ...options, batchSize: rows } : options;
}

/**
 * Whether the text is as good with windows that do not know of each other. A prompt leads the first window alone, what is read
 * again needs the order, and beams, draws and hotwords are searched window by window anyway.
 */
function isPlain(options: TranscribeOptions): boolean {
  const { batchSize, conditionOnPreviousText, multilingual, hallucinationSilenceThreshold, vad } = options;
  const { initialPrompt, prefix, hotwords = [], beamSize = 1, bestOf = 1, noRepeatNgram } = options;
  const needsOrder =
    conditionOnPreviousText === true || multilingual === true || hallucinationSilenceThreshold !== undefined;
  const isLed = initialPrompt !== undefined || prefix !== undefined;
  const isSearched = hotwords.length > 0 || beamSize > 1 || bestOf > 1 || noRepeatNgram !== undefined;
  const cutsSpeech = vad === undefined || vad === true;
  return batchSize === undefined && !needsOrder && !isLed && !isSearched && cutsSpeech;
}
