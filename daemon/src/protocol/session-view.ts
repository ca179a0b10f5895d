/**
 * What a view shows of a live session that another client records.
 *
 *     → watch  ← view*  ← view (isOver) | error
 *     → unwatch
 *
 * A session may have any number of views; they neither keep it alive nor end it.
 */
import * as v from 'valibot';
import { integer } from './fields.js';
import { SESSION_STATES, sessionIdSchema } from './live.js';

const count = v.pipe(integer, v.minValue(0));

export const sessionViewSchema = v.object({
  /** Number of the last event that it includes. */
  seq: count,
  /** The vocabulary is applied. `committed` replaces what earlier views had from this offset on, in UTF-16 units. */
  from: count,
  committed: v.string(),
  tentative: v.string(),
  language: v.exactOptional(v.string()),
  model: v.string(),
  /** The requested model, if another one transcribes because that one is still loading or does not fit. */
  fallbackFor: v.exactOptional(v.string()),
  state: v.exactOptional(v.picklist(SESSION_STATES)),
  speaking: v.boolean(),
  isOver: v.boolean(),
});
export type SessionView = v.InferOutput<typeof sessionViewSchema>;

export const sessionViewClientTable = {
  watch: v.object({ type: v.literal('watch'), id: sessionIdSchema }),
  unwatch: v.object({ type: v.literal('unwatch'), id: sessionIdSchema }),
};

export const sessionViewDaemonTable = {
  view: v.object({ type: v.literal('view'), id: sessionIdSchema, view: sessionViewSchema }),
};
