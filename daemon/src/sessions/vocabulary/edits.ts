/** Changes of a text, so that what stands around them fits: no space in front of a full stop, no comma that nothing is left of. */

export interface Match {
  readonly start: number;
  readonly end: number;
  readonly matched: string;
  readonly to: string;
}

/** `to` takes the place of what stands from `start` to `end`; places in UTF-16 units. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly to: string;
  /** Of what was heard: `start` and `end` may take in what stands around it. */
  readonly matchStart: number;
  readonly matchEnd: number;
}

const BEGINS_WITH_CAPITAL = /^\P{L}*\p{Lu}/u;
/** What stands right behind the word in front of it, and right in front of the word behind it. */
const ATTACHES_LEFT = /^(\n|[,.;:!?…%)\]}”’]+$)/u;
const ATTACHES_RIGHT = /^[([{“‘¿¡]+$/u;
/** “New paragraph.”: the full stop was the end of what was said, not of what is written. */
const BREAK_ENDS = /[.,;:!?…]?[ \t]*/y;
const SPACES = /[ \t]*/y;
const COMMA = /,?/y;
const COMMA_AND_SPACES = /,?[ \t]*/y;
const NEXT_SMALL_LETTER = /[ \t]*(\p{Ll})/uy;

/** @param matches in their order, without overlap */
export function fitEdits(text: string, matches: readonly Match[]): Edit[] {
  const edits: Edit[] = [];
  let minStart = 0;
  for (const [i, match] of matches.entries()) {
    const maxEnd = matches[i + 1]?.start ?? text.length;
    for (const edit of fitEdit(text, match, minStart, maxEnd)) {
      edits.push(edit);
      minStart = edit.end;
    }
  }
  return edits;
}

/** The text between two places, changed. An edit is written where that begins which was heard. */
export function applyEdits(text: string, edits: readonly Edit[], from = 0, to = text.length): string {
  let done = '';
  let at = from;
  for (const edit of edits) {
    if (edit.end <= from) continue;
    if (edit.start >= to) break;
    done += text.slice(at, Math.max(at, edit.start));
    if (edit.matchStart >= from && edit.matchStart < to) done += edit.to;
    at = Math.max(at, Math.min(edit.end, to));
  }
  return done + text.slice(at, to);
}

/** @param least where the edit before it ends; `most`: where the next match begins */
function fitEdit(text: string, match: Match, minStart: number, maxEnd: number): Edit[] {
  const { start, end, matched, to } = match;
  const place = { matchStart: start, matchEnd: end, to };
  const spaceBefore = (): number => {
    let at = start;
    while (at > minStart && /[ \t]/.test(text[at - 1] ?? '')) at--;
    return at;
  };
  const behind = (pattern: RegExp): number => {
    pattern.lastIndex = end;
    return Math.min(maxEnd, end + (pattern.exec(text)?.[0].length ?? 0));
  };
  if (to !== '') {
    return [
      {
        ...place,
        start: ATTACHES_LEFT.test(to) ? spaceBefore() : start,
        end: to.endsWith('\n') ? behind(BREAK_ENDS) : ATTACHES_RIGHT.test(to) ? behind(SPACES) : end,
      },
    ];
  }
  const before = spaceBefore();
  const isFirst = before === 0 || text[before - 1] === '\n';
  // The space that a segment begins with stays.
  const edit = {
    ...place,
    start: before === 0 ? start : before,
    end: behind(isFirst ? COMMA_AND_SPACES : COMMA),
  };
  if (!BEGINS_WITH_CAPITAL.test(matched)) return [edit];
  // Its capital goes to the word that now comes first.
  NEXT_SMALL_LETTER.lastIndex = edit.end;
  const letter = NEXT_SMALL_LETTER.exec(text)?.[1];
  const at = NEXT_SMALL_LETTER.lastIndex - (letter?.length ?? 0);
  if (letter === undefined || at + letter.length > maxEnd) return [edit];
  const capital = { start: at, end: at + letter.length, to: letter.toUpperCase() };
  return [edit, { ...capital, matchStart: capital.start, matchEnd: capital.end }];
}
