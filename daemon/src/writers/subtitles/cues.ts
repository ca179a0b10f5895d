/** Turns segments into subtitle cues: split into lines, in order, without overlap, each long enough to read. */
import stringWidth from 'string-width';
import type { Segment } from '../../protocol/transcription.js';
import { milliseconds } from '../timestamp.js';
import { breakIntoCues, type Line } from './lines.js';
import {
  lineLimits,
  MAX_COLUMNS_PER_SECOND,
  MIN_CUE_MS,
  type LineLimits,
  type SubtitleRules,
} from './rules.js';
import { toLineUnits, type LineUnit } from './line-units.js';

/** Times in whole milliseconds; `end` is always after `start`. */
export interface Cue {
  readonly start: number;
  readonly end: number;
  readonly lines: readonly Line[];
  /** Whether its words have times from the model. */
  readonly isTimed: boolean;
}

/**
 * A cue may stay longer than its words if nothing follows, so the last one of a segment is held back until the next
 * one is known.
 */
export class CueSequence {
  readonly #limits: LineLimits | undefined;
  #pending: Cue | undefined;

  constructor(rules?: SubtitleRules) {
    this.#limits = lineLimits(rules);
  }

  /** Adds a segment and returns the cues that are final now. */
  add(segment: Segment): Cue[] {
    const finished: Cue[] = [];
    for (const cue of toCues(segment, this.#limits)) {
      if (this.#pending === undefined) {
        this.#pending = cue;
        continue;
      }
      const start = startAfter(this.#pending, cue.start);
      finished.push({ ...this.#pending, end: readableEnd(this.#pending, start) });
      this.#pending = { ...cue, start, end: Math.max(cue.end, start + 1) };
    }
    return finished;
  }

  /** Returns the last cue. It ends with the audio at the latest, or with its words. */
  finish(durationSeconds = Infinity): Cue[] {
    const cue = this.#pending;
    this.#pending = undefined;
    if (cue === undefined) return [];
    const limit = Math.max(cue.end, cue.start + 1, Math.round(durationSeconds * 1000));
    return [{ ...cue, end: readableEnd(cue, limit) }];
  }
}

function toCues(segment: Segment, limits: LineLimits | undefined): Cue[] {
  const units = toLineUnits(segment);
  if (units.length === 0) return [];
  const isTimed = units.every((unit) => unit.isTimed);
  if (limits === undefined) {
    const start = milliseconds(segment.start);
    return [{ start, end: Math.max(start + 1, milliseconds(segment.end)), lines: toLines(units), isTimed }];
  }
  return breakIntoCues(units, limits).map((lines) => {
    const words = lines.flat();
    const start = words[0]?.start ?? 0;
    return { start, end: Math.max(start + 1, ...words.map((word) => word.end)), lines, isTimed };
  });
}

/** Splits units at the line breaks of the text. */
function toLines(units: readonly LineUnit[]): Line[] {
  const lines: LineUnit[][] = [];
  for (const unit of units) {
    const line = lines.at(-1);
    if (line === undefined || unit.hasLineBreakBefore) lines.push([unit]);
    else line.push(unit);
  }
  return lines;
}

/** A cue that would start no later than the previous one starts when that one ends. */
function startAfter(pending: Cue, start: number): number {
  return start > pending.start ? start : Math.max(pending.end, pending.start + 1);
}

function readableEnd(cue: Cue, next: number): number {
  const columns = cue.lines.reduce((sum, line) => sum + stringWidth(lineText(line)), 0);
  const wanted = Math.max(MIN_CUE_MS, Math.round((columns * 1000) / MAX_COLUMNS_PER_SECOND));
  return Math.min(Math.max(cue.end, cue.start + wanted), next);
}

function lineText(line: Line): string {
  return line.map((unit, index) => (index > 0 && unit.hasSpaceBefore ? ` ${unit.text}` : unit.text)).join('');
}
