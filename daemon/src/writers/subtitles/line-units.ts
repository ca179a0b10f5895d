/** Splits a segment into the smallest units between which a line may break, with their times. */
import type { Segment, Word } from '../../protocol/transcription.js';
import { milliseconds } from '../timestamp.js';
import { nonEmptyLines, oneLine } from '../writer.js';

/** A word that is highlighted and timed by itself. Times in whole milliseconds. */
interface CueWord {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Words that must stay on one line; a single word in languages with spaces. */
export interface LineUnit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Whether a space precedes it. */
  readonly hasSpaceBefore: boolean;
  /** Whether a line break precedes it in the text. */
  readonly hasLineBreakBefore: boolean;
  /** The words that make up `text`. */
  readonly words: readonly CueWord[];
  /** Whether the times are from the model rather than estimated by length. */
  readonly isTimed: boolean;
}

const UNSPACED_SCRIPTS =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;
/** Characters that no line starts with: closing marks, small kana, long-vowel marks. No line ends with an opening bracket. */
const NOT_LINE_START = /^[\p{Pe}\p{Pf}\p{Po}\p{Mn}\p{Mc}ー々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ]/u;
const NOT_LINE_END = /[\p{Ps}\p{Pi}]$/u;
/** Punctuation that some languages put after a space: it stays with the previous word. */
const BINDS_TO_PREVIOUS = /^[!?;:»%…。、，！？]/u;
const WIDE_STOP = /[、。，！？；：]$/u;
const wordBreaks = new Intl.Segmenter('und', { granularity: 'word' });

export function toLineUnits(segment: Segment): LineUnit[] {
  const lines = nonEmptyLines(segment.text);
  if (lines.length === 0) return [];
  const text = lines.join(' ');
  const breaks = breakOffsets(text, lines);
  const words = alignWords(segment.words ?? [], text);
  const pieces =
    words === undefined
      ? timeByLength(text, breaks.all, milliseconds(segment.start), milliseconds(segment.end))
      : words.flatMap((word) => splitPiece(word, breaks.forced));
  return mergePieces(pieces, text, breaks, words !== undefined);
}

/** Offsets in the text where a line may start, and where one must. */
interface Breaks {
  readonly all: readonly number[];
  readonly forced: readonly number[];
}

interface Piece extends CueWord {
  /** Offset in the segment's text. */
  readonly at: number;
}

/** Aligns the model's words with the text; undefined if they do not match it. */
function alignWords(words: readonly Word[], text: string): Piece[] | undefined {
  const pieces: Piece[] = [];
  let at = 0;
  for (const { word, start, end } of words) {
    const bare = oneLine(word);
    if (bare === '') continue;
    while (text[at] === ' ') at += 1;
    if (!text.startsWith(bare, at)) return undefined;
    const from = Math.max(milliseconds(start), pieces.at(-1)?.start ?? 0);
    pieces.push({ at, text: bare, start: from, end: Math.max(from, milliseconds(end)) });
    at += bare.length;
  }
  return at === text.length && pieces.length > 0 ? pieces : undefined;
}

/** Splits the text into pieces with times in proportion to their length. */
function timeByLength(text: string, breaks: readonly number[], start: number, end: number): Piece[] {
  const span = Math.max(0, end - start);
  const time = (at: number): number => start + Math.round((span * at) / text.length);
  return breaks.map((at, index) => {
    const next = breaks[index + 1] ?? text.length;
    return { at, text: text.slice(at, next).trim(), start: time(at), end: time(next) };
  });
}

/** Splits a word at line breaks that a replacement put inside it; the parts share its time by length. */
function splitPiece({ at, text, start, end }: Piece, forced: readonly number[]): Piece[] {
  const cuts = [at, ...forced.filter((offset) => offset > at && offset < at + text.length)];
  const time = (offset: number): number => start + Math.round(((end - start) * (offset - at)) / text.length);
  return cuts.map((from, index) => {
    const to = cuts[index + 1] ?? at + text.length;
    return { at: from, text: text.slice(from - at, to - at).trim(), start: time(from), end: time(to) };
  });
}

/** @param lines the lines of `text`, which joins them with spaces */
function breakOffsets(text: string, lines: readonly string[]): Breaks {
  const forced: number[] = [];
  let end = 0;
  for (const line of lines.slice(0, -1)) forced.push((end += line.length + 1));
  const all = new Set([...optionalBreaks(text), ...forced]);
  return { all: [...all].sort((a, b) => a - b), forced };
}

/** Offsets where a line may start: after a space, and between the words of a script without spaces. */
function optionalBreaks(text: string): number[] {
  const offsets = [0];
  for (let at = 1; at < text.length; at++) {
    if (
      text[at - 1] === ' ' &&
      !BINDS_TO_PREVIOUS.test(text.slice(at)) &&
      !NOT_LINE_END.test(text[at - 2] ?? '')
    )
      offsets.push(at);
  }
  if (!UNSPACED_SCRIPTS.test(text)) return offsets;
  for (const { index } of wordBreaks.segment(text)) {
    const before = text.slice(Math.max(0, index - 2), index);
    const after = text.slice(index, index + 2);
    if (/^$| $/.test(before) || after.startsWith(' ')) continue;
    if (NOT_LINE_START.test(after) || NOT_LINE_END.test(before)) continue;
    if (
      UNSPACED_SCRIPTS.test(lastCharacter(before)) ||
      UNSPACED_SCRIPTS.test(firstCharacter(after)) ||
      WIDE_STOP.test(before)
    )
      offsets.push(index);
  }
  return offsets;
}

function firstCharacter(text: string): string {
  return String.fromCodePoint(text.codePointAt(0) ?? 0);
}

function lastCharacter(text: string): string {
  return /[\uD800-\uDBFF][\uDC00-\uDFFF]$/.test(text) ? text.slice(-2) : text.slice(-1);
}

/** Merges pieces so that each unit starts where a line may start. */
function mergePieces(
  pieces: readonly Piece[],
  text: string,
  { all, forced }: Breaks,
  isTimed: boolean,
): LineUnit[] {
  const breaks = new Set(all);
  const groups: Piece[][] = [];
  for (const piece of pieces) {
    const group = groups.at(-1);
    if (group === undefined || breaks.has(piece.at)) groups.push([piece]);
    else group.push(piece);
  }
  return groups.map((group, index) => {
    const from = group[0]?.at ?? 0;
    const to = groups[index + 1]?.[0]?.at ?? text.length;
    return {
      start: group[0]?.start ?? 0,
      end: Math.max(...group.map((piece) => piece.end)),
      text: text.slice(from, to).trim(),
      hasSpaceBefore: text[from - 1] === ' ',
      hasLineBreakBefore: forced.includes(from),
      words: group.map(({ at, start, end }, n) => {
        const next = group[n + 1];
        return { start, end, text: next === undefined ? text.slice(at, to).trim() : text.slice(at, next.at) };
      }),
      isTimed,
    };
  });
}
