/** A past dictation and its database row. */
import * as v from 'valibot';
import { isErrorCode, type ErrorCode } from '../../protocol/errors.js';
import { wordSchema, type Word } from '../../protocol/transcription.js';
import type { Row, SqlValue } from '../sqlite/statements.js';
import { defined } from '../../protocol/defined.js';

export const STATES = ['final', 'recovered', 'left', 'failed'] as const;

/**
 * `final`: delivered. `recovered`: finished from the spool after its process died; not read yet. `left`: the user
 * left before the final text; not read yet. `failed`: could not be transcribed; its audio is kept.
 */
export type DictationState = (typeof STATES)[number];

export interface StoredDictation {
  /** The session's id: letters, digits and dashes, at most 64. */
  readonly id: string;
  /** Start time, in ms since 1970. */
  readonly startedMs: number;
  readonly durationSeconds: number;
  readonly text: string;
  readonly language?: string;
  readonly model: string;
  readonly state: DictationState;
  readonly errorCode?: ErrorCode;
  /** File name of its recording. */
  readonly audio?: string;
  /** Times are relative to the start of the dictation. Lists and searches leave the words out. */
  readonly words?: readonly Word[];
}

export const ID_PATTERN = /^[A-Za-z0-9-]{1,64}$/;

export const COLUMNS =
  'id, started_ms, duration_seconds, text, language, model, state, error_code, audio' as const;

/** Values for `COLUMNS` and `words`, by name. */
export function toRow(d: StoredDictation): Record<string, string | number | null> {
  return {
    id: d.id,
    started_ms: d.startedMs,
    duration_seconds: d.durationSeconds,
    text: storable(d.text),
    language: d.language ?? null,
    model: d.model,
    state: d.state,
    error_code: d.errorCode ?? null,
    audio: d.audio ?? null,
    words: d.words === undefined ? null : JSON.stringify(d.words),
  };
}

/** SQLite ends a text at its first NUL. */
export function storable(text: string): string {
  return text.replaceAll('\0', '');
}

export function fromRow(row: Row): StoredDictation {
  const language = textOf(row.language);
  const errorCode = textOf(row.error_code);
  const audio = textOf(row.audio);
  const words = wordsOf(textOf(row.words));
  return {
    id: textOf(row.id) ?? '',
    startedMs: Number(row.started_ms),
    durationSeconds: Number(row.duration_seconds),
    text: textOf(row.text) ?? '',
    ...defined({ language }),
    model: textOf(row.model) ?? '',
    state: STATES.find((state) => state === row.state) ?? 'final',
    // A newer version may have stored an unknown code.
    ...defined({
      errorCode: errorCode === undefined ? undefined : isErrorCode(errorCode) ? errorCode : 'INTERNAL',
      audio,
      words,
    }),
  };
}

function textOf(value: SqlValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function wordsOf(json: string | undefined): Word[] | undefined {
  if (json === undefined) return undefined;
  try {
    const parsed = v.safeParse(v.array(wordSchema), JSON.parse(json));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}
