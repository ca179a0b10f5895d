/**
 * Past dictations, for programs: `history` asks, `history-done` answers. Deleting is into a trash that is kept for a day.
 */
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
/** Most of them that one request can be about. */
export const MAX_HISTORY_PAGE = 200;
const limit = v.pipe(integer, v.minValue(1), v.maxValue(MAX_HISTORY_PAGE));
const ids = v.pipe(v.array(dictationId), v.minLength(1), v.maxLength(MAX_HISTORY_PAGE));

/** The longest that they can be kept: a hundred years, which is for ever. */
export const MAX_RETENTION_DAYS = 36_500;

export const HISTORY_STATES = ['final', 'recovered', 'left', 'failed'] as const;

/** Which ones: `before` is the `startedMs` of the last one of the page before, `beforeId` its id. */
const page = {
  limit,
  before: v.exactOptional(finite),
  beforeId: v.exactOptional(dictationId),
  state: v.exactOptional(v.picklist(HISTORY_STATES)),
};

export const historyRequestSchema = v.variant('do', [
  /** The newest first. */
  v.object({ do: v.literal('list'), ...page }),
  /** Those that hold all the words, the newest first. */
  v.object({ do: v.literal('search'), query: text(1, 1000), ...page }),
  /** With the times of its words; one that was not delivered has been seen then. */
  v.object({ do: v.literal('get'), id: dictationId }),
  v.object({ do: v.literal('delete'), ids }),
  /** Brings back what was deleted last; with `ids` those of them that are still in the trash. */
  v.object({ do: v.literal('undo'), ids: v.exactOptional(ids) }),
  /** The text of another transcription of its sound. */
  v.object({
    do: v.literal('set-text'),
    id: dictationId,
    text: v.pipe(v.string(), v.maxLength(LIMITS.maxTextLength)),
    model: text(1, 4096),
    language: v.exactOptional(text(1, 16)),
  }),
  /**
   * Tells how long they are kept, and whether with their sound. What is given holds from now on: it is written into
   * settings.json, and what has been kept for longer goes into the trash at once.
   */
  v.object({
    do: v.literal('keep'),
    /** 0: a text goes as soon as it is delivered. */
    days: v.exactOptional(inRange(0, MAX_RETENTION_DAYS)),
    sound: v.exactOptional(v.boolean()),
  }),
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
  /** Path of its sound, where that is kept. */
  audio: v.exactOptional(v.string()),
  words: v.exactOptional(v.array(wordSchema)),
  /** Of a search: the part in which it was found, and where in that, in UTF-16 units. */
  snippet: v.exactOptional(v.string()),
  marks: v.exactOptional(v.array(v.object({ start: integer, end: integer }))),
});
export type PastDictation = v.InferOutput<typeof pastDictationSchema>;

/** How long past dictations are kept, and whether with their sound. */
export const retentionSchema = v.object({ days: finite, sound: v.boolean() });
export type HistoryRetention = v.InferOutput<typeof retentionSchema>;

export const historyResultSchema = v.object({
  /** Those that were asked for, deleted, brought back or changed. */
  dictations: v.array(pastDictationSchema),
  /** Whether there are more than an answer holds. */
  hasMore: v.boolean(),
  /** The answer to `keep`. */
  retention: v.exactOptional(retentionSchema),
});
export type HistoryResult = v.InferOutput<typeof historyResultSchema>;

/** Client → daemon. */
export const historyClientTable = {
  history: v.object({ type: v.literal('history'), id, request: historyRequestSchema }),
};

/** Daemon → client; besides `error`. */
export const historyDaemonTable = {
  'history-done': v.object({ type: v.literal('history-done'), id, result: historyResultSchema }),
};
