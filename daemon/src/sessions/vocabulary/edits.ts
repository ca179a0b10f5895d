/** Fits replacements into the text around them: no space before a full stop, no comma with nothing before it. */

export interface Match {
  readonly start: number;
  readonly end: number;
  readonly matched: string;
  readonly to: string;
}

/** `to` replaces the text from `start` to `end`, in UTF-16 units. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly to: string;
  /** Of the matched text; `start` and `end` may include text around it. */
  readonly matchStart: number;
  readonly matchEnd: number;
}

const BEGINS_WITH_CAPITAL = /^\P{L}*\p{Lu}/u;
/** Text that attaches to the word before it, and text that attaches to the word after it. */
const ATTACHES_LEFT = /^(\n|[,.;:!?…%)\]}”’]+$)/u;
const ATTACHES_RIGHT = /^[([{“‘¿¡]+$/u;
/** “New paragraph.”: the full stop ended the spoken command, it is not part of the text. */
const BREAK_ENDS = /[.,;:!?…]?[ \t]*/y;
const SPACES = /[ \t]*/y;
const COMMA = /,?/y;
const COMMA_AND_SPACES = /,?[ \t]*/y;
const NEXT_SMALL_LETTER = /[ \t]*(\p{Ll})/uy;

/** @param matches in order, without overlap */
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

/** The text between two offsets with its edits applied. An edit is written where its match starts. */
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

/** @param minStart end of the edit before it @param maxEnd start of the next match */
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
  // Keep the space that a segment starts with.
  const edit = {
    ...place,
    start: before === 0 ? start : before,
    end: behind(isFirst ? COMMA_AND_SPACES : COMMA),
  };
  if (!BEGINS_WITH_CAPITAL.test(matched)) return [edit];
  // Move its capital to the word that now comes first.
  NEXT_SMALL_LETTER.lastIndex = edit.end;
  const letter = NEXT_SMALL_LETTER.exec(text)?.[1];
  const at = NEXT_SMALL_LETTER.lastIndex - (letter?.length ?? 0);
  if (letter === undefined || at + letter.length > maxEnd) return [edit];
  const capital = { start: at, end: at + letter.length, to: letter.toUpperCase() };
  return [edit, { ...capital, matchStart: capital.start, matchEnd: capital.end }];
}
