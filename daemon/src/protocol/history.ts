/** Requests about past dictations. Deleted ones stay in a trash for a day. */
import * as v from 'valibot';
import { ERROR_CODES } from './errors.js';
import { finite, text, integer, inRange } from './fields.js';
import { wordSchema } from './transcription.js';
import { LIMITS } from './version.js';

const id = text(1, 64);
const dictationId = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9-]{1,64}$/, 'must be 1 to 64 letters, digits or dashes'),
);
/** Dictations per request. */
export const MAX_HISTORY_PAGE = 200;
const limit = v.pipe(integer, v.minValue(1), v.maxValue(MAX_HISTORY_PAGE));
const ids = v.pipe(v.array(dictationId), v.minLength(1), v.maxLength(MAX_HISTORY_PAGE));

/** A hundred years: the value for "forever". */
export const MAX_RETENTION_DAYS = 36_500;

export const HISTORY_STATES = ['final', 'recovered', 'left', 'failed'] as const;

/** `before` and `beforeId`: `startedMs` and id of the last entry of the previous page. */
const page = {
  limit,
  before: v.exactOptional(finite),
  beforeId: v.exactOptional(dictationId),
  state: v.exactOptional(v.picklist(HISTORY_STATES)),
};

export const historyRequestSchema = v.variant('do', [
  /** Newest first. */
  v.object({ do: v.literal('list'), ...page }),
  /** Those that contain all words, newest first. */
  v.object({ do: v.literal('search'), query: text(1, 1000), ...page }),
  /** Includes the word times, and marks an undelivered dictation as seen. */
  v.object({ do: v.literal('get'), id: dictationId }),
  v.object({ do: v.literal('delete'), ids }),
  /** Restores what was deleted last, or those of `ids` that are still in the trash. */
  v.object({ do: v.literal('undo'), ids: v.exactOptional(ids) }),
  /** Stores the text of another transcription of its audio. */
  v.object({
    do: v.literal('set-text'),
    id: dictationId,
    text: v.pipe(v.string(), v.maxLength(LIMITS.maxTextLength)),
    model: text(1, 4096),
    language: v.exactOptional(text(1, 16)),
  }),
  /**
   * Reads or sets the retention. Fields that are present are written to settings.json, and older dictations go into the trash
   * at once.
   */
  v.object({
    do: v.literal('keep'),
    /** 0: a dictation is deleted as soon as its text is delivered. */
    days: v.exactOptional(inRange(0, MAX_RETENTION_DAYS)),
    audio: v.exactOptional(v.boolean()),
    /** Whether audio is kept as the codes of a codec: smaller, and not as good. */
    compact: v.exactOptional(v.boolean()),
  }),
  /** The dictation, with an `audio` that players can open: a compact recording is decoded into a WAV, which is removed after a day. */
  v.object({ do: v.literal('audio'), id: dictationId }),
]);
export type HistoryRequest = v.InferOutput<typeof historyRequestSchema>;

export const pastDictationSchema = v.object({
  id: v.string(),
  /** Milliseconds since 1970. */
  startedMs: finite,
  durationSeconds: finite,
  text: v.string(),
  language: v.exactOptional(v.string()),
  model: v.string(),
  state: v.picklist(HISTORY_STATES),
  errorCode: v.exactOptional(v.picklist(ERROR_CODES)),
  /** Path of its audio, if that is kept: a WAV, or the `.codes` of a compact recording, which `audio` decodes. */
  audio: v.exactOptional(v.string()),
  words: v.exactOptional(v.array(wordSchema)),
  /** Of a search: an excerpt, and the matches in it, in UTF-16 units. */
  snippet: v.exactOptional(v.string()),
  marks: v.exactOptional(v.array(v.object({ start: integer, end: integer }))),
});
export type PastDictation = v.InferOutput<typeof pastDictationSchema>;

/** How long past dictations are kept, whether with their audio, and whether in compact form; absent from older daemons. */
export const retentionSchema = v.object({
  days: finite,
  audio: v.boolean(),
  compact: v.exactOptional(v.boolean()),
});
export type HistoryRetention = v.InferOutput<typeof retentionSchema>;

export const historyResultSchema = v.object({
  /** Those that were requested, deleted, restored or changed. */
  dictations: v.array(pastDictationSchema),
  /** Whether there is another page. */
  hasMore: v.boolean(),
  /** The answer to `keep`. */
  retention: v.exactOptional(retentionSchema),
});
export type HistoryResult = v.InferOutput<typeof historyResultSchema>;

/** Client → daemon. */
export const historyClientTable = {
  history: v.object({ type: v.literal('history'), id, request: historyRequestSchema }),
};

/** Daemon → client; or `error`. */
export const historyDaemonTable = {
  'history-done': v.object({ type: v.literal('history-done'), id, result: historyResultSchema }),
};
