/**
 * Breaks a segment into lines and cues at minimum total cost (Knuth and Plass, "Breaking paragraphs into lines", 1981):
 * the cost of a break depends on the words at it, the cost of a line on its free space. Only a single word that is
 * wider than a line exceeds a limit.
 */
import stringWidth from 'string-width';
import { LONG_PAUSE_MS, type LineLimits } from './rules.js';
import type { LineUnit } from './line-units.js';

export type Line = readonly LineUnit[];

/** Cost of each line, so that there are as few as the limits allow. */
const LINE_COST = 6;
/** Cost of each cue, in addition to its lines. */
const CUE_COST = 6;
/** Cost of an empty line; grows with the square of the free space, so that two even lines beat a full and a short one. */
const UNEVEN_COST = 6;
/** A pause this long is as good a break as a comma. */
const PAUSE_MS = 400;

/** Words that start a clause, so that a break before them reads well; only those that are unambiguous across the languages. */
const CONJUNCTIONS = new Set(
  (
    'and or but because that which who when while where if although though unless until than ' +
    'und oder aber weil dass daß denn wenn ob sondern sowie ' +
    'et ou mais parce que qui quand donc lorsque puisque ' +
    'pero porque cuando sino aunque mientras perché quando anche omdat maar'
  ).split(' '),
);
/** Words that should stay with the next one. */
const BINDS_TO_NEXT = new Set(
  (
    'the a an of to in on at by for from with my your his its our their this these mr mrs dr i we he she they ' +
    'der das den dem als wie sehr des ein eine einen einem einer zu im am von mit für ' +
    'le la les un une des du de au aux à ' +
    'el los las del al con por para il lo gli di'
  ).split(' '),
);

/** Returns the lines of each cue, in order. */
export function breakIntoCues(units: readonly LineUnit[], { width, lines, words }: LineLimits): Line[][] {
  const widths = units.map((unit) => stringWidth(unit.text));
  // best[end][count]: the cheapest layout of units[0 … end) whose last cue has `count` lines so far.
  const best: (State | undefined)[][] = [[{ cost: 0, from: 0, count: 0 }]];
  for (let end = 1; end <= units.length; end++) {
    const row: (State | undefined)[] = [];
    let columns = 0;
    for (let from = end - 1; from >= 0; from--) {
      const next = units[from + 1];
      columns += (widths[from] ?? 0) + (from + 1 < end && next?.hasSpaceBefore === true ? 1 : 0);
      if (
        from + 1 < end &&
        (columns > width ||
          end - from > words ||
          pauseAfter(units, from) >= LONG_PAUSE_MS ||
          next?.hasLineBreakBefore === true)
      )
        break;
      const line = LINE_COST + unevenCost(columns, width);
      const breakCostBefore = from === 0 ? 0 : breakCost(units, from);
      for (const [count, state] of (best[from] ?? []).entries()) {
        if (state === undefined) continue;
        const needsSpace = from > 0 && pauseAfter(units, from - 1) >= LONG_PAUSE_MS;
        if (count > 0 && count < lines && !needsSpace)
          keepCheapest(row, count + 1, { cost: state.cost + line + breakCostBefore, from, count });
        // A cue that ends within a clause makes the reader wait, so its break costs twice as much.
        keepCheapest(row, 1, { cost: state.cost + line + CUE_COST + 2 * breakCostBefore, from, count });
      }
    }
    best.push(row);
  }
  return backtrack(units, best);
}

interface State {
  readonly cost: number;
  /** Start of the last line, and the number of lines of the cue before it. */
  readonly from: number;
  readonly count: number;
}

function keepCheapest(row: (State | undefined)[], count: number, state: State): void {
  const current = row[count];
  if (current === undefined || state.cost < current.cost) row[count] = state;
}

function backtrack(units: readonly LineUnit[], best: readonly (readonly (State | undefined)[])[]): Line[][] {
  const cues: Line[][] = [];
  let end = units.length;
  let count = cheapest(best[end] ?? []);
  let cue: Line[] = [];
  while (end > 0) {
    const state = best[end]?.[count];
    if (state === undefined) break;
    cue.unshift(units.slice(state.from, end));
    // The first line of a cue: the line before it belongs to another cue.
    if (count === 1) {
      cues.unshift(cue);
      cue = [];
    }
    end = state.from;
    count = state.count;
  }
  return cues;
}

function cheapest(row: readonly (State | undefined)[]): number {
  let at = 0;
  for (const [count, state] of row.entries()) {
    if (state !== undefined && state.cost < (row[at]?.cost ?? Infinity)) at = count;
  }
  return at;
}

/** Cost of the free space of a line, squared. */
function unevenCost(columns: number, width: number): number {
  if (!Number.isFinite(width)) return 0;
  const free = Math.max(0, width - columns) / width;
  return UNEVEN_COST * free * free;
}

/** Cost of a break before units[at]: 0 between sentences, high after a word that belongs to the next one. */
function breakCost(units: readonly LineUnit[], at: number): number {
  const before = units[at - 1];
  const after = units[at];
  if (before === undefined || after === undefined || after.hasLineBreakBefore) return 0;
  const closed = before.text.replace(/[\p{Pe}\p{Pf}"']+$/u, '');
  if (/[.!?…。！？؟]$/u.test(closed)) return 0;
  if (/[,;:—–、，；：،]$/u.test(closed)) return 1;
  if (before.isTimed && pauseAfter(units, at - 1) >= PAUSE_MS) return 1;
  if (!after.hasSpaceBefore && TRAILING_KANA.test(after.text)) return 7;
  const last = letters(before.text);
  if (CONJUNCTIONS.has(letters(after.text))) return BINDS_TO_NEXT.has(last) ? 4 : 2;
  if (BINDS_TO_NEXT.has(last) || CONJUNCTIONS.has(last)) return 7;
  return 4;
}

/** Japanese particles and verb endings belong to the word before them. */
const TRAILING_KANA = /^\p{sc=Hiragana}{1,2}\p{P}*$/u;

function letters(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}]/gu, '');
}

function pauseAfter(units: readonly LineUnit[], at: number): number {
  const after = units[at + 1];
  const before = units[at];
  return before === undefined || after === undefined ? 0 : after.start - before.end;
}
