/** Past dictations as lines of a table that is as wide as the terminal. */
import type { Dictation, Range } from '../../store/history/index.js';
import { columnsOf, fitStart, padEnd } from '../terminal/columns.js';
import { clock } from '../terminal/progress-line.js';
import type { Style } from '../terminal/style.js';

export interface TableRow {
  readonly dictation: Dictation;
  /** As much of the id as tells it from the others. */
  readonly shortId: string;
  /** What to show of the text; all of it when left out. */
  readonly text?: string;
  /** Where in `text` the words are that were looked for. */
  readonly marks?: readonly Range[];
}

interface TableOptions {
  /** Of the terminal; without it nothing is cut. */
  readonly columns?: number;
  readonly style: Style;
  readonly nowMs: number;
}

const GAP = '  ';
/** With less room for the text the lengths are left out. */
const PREFERRED_TEXT_COLUMNS = 24;
/** Text in fewer columns tells nothing: a line that narrow is better broken by the terminal. */
const MIN_TEXT_COLUMNS = 12;

export function table(rows: readonly TableRow[], { columns, style, nowMs }: TableOptions): string {
  const cells = rows.map(({ dictation, shortId }) => ({
    id: shortId,
    when: whenText(dictation.startedMs, nowMs),
    length: clock(dictation.durationSeconds),
    state: dictation.state === 'final' ? '' : dictation.state,
  }));
  const widest = (of: (cell: (typeof cells)[number]) => string): number =>
    Math.max(0, ...cells.map((cell) => columnsOf(of(cell))));
  const ids = widest(({ id }) => id);
  const whens = widest(({ when }) => when);
  const lengths = widest(({ length }) => length);
  const states = widest(({ state }) => state);
  const left = [ids, whens, lengths, ...(states > 0 ? [states] : [])].reduce(
    (room, width) => room - width - GAP.length,
    columns ?? Infinity,
  );
  const short = left < PREFERRED_TEXT_COLUMNS;
  const room = Math.max(MIN_TEXT_COLUMNS, short ? left + lengths + GAP.length : left);
  return rows
    .map((row, i) => {
      const { id, when, length, state } = cells[i] ?? { id: '', when: '', length: '', state: '' };
      const parts = [
        style.dim(padEnd(id, ids)),
        padEnd(when, whens),
        ...(short ? [] : [style.dim(' '.repeat(lengths - columnsOf(length)) + length)]),
        ...(states > 0 ? [stateColour(row.dictation, style)(padEnd(state, states))] : []),
        textCell(row, room, style),
      ];
      return `${parts.join(GAP).trimEnd()}\n`;
    })
    .join('');
}

export function stateColour({ state }: Dictation, style: Style): (text: string) => string {
  if (state === 'final') return (text) => text;
  return (text) => (state === 'failed' ? style.red(text) : style.cyan(text));
}

function textCell({ dictation, text, marks = [] }: TableRow, room: number, style: Style): string {
  if (text !== undefined) return marked(fitStart(text, room), marks, style);
  const shown = oneLine(dictation.text);
  return shown === '' ? style.dim(fitStart(placeholderText(dictation), room)) : fitStart(shown, room);
}

/** What stands in for a text that is not there. */
export function placeholderText({ state, errorCode, audio }: Dictation): string {
  if (state !== 'failed') return '(nothing was said)';
  const why = errorCode === undefined ? '' : `: ${errorCode}`;
  return `(not transcribed${why}${audio === undefined ? '' : '; its sound is kept'})`;
}

/** Words that were looked for in bold. What `fitted` no longer holds of them is left out. */
function marked(fitted: string, marks: readonly Range[], style: Style): string {
  const whole = fitted.endsWith('…') ? fitted.length - 1 : fitted.length;
  let text = '';
  let at = 0;
  for (const { start, end } of marks) {
    if (start >= whole || start < at) continue;
    text += fitted.slice(at, start) + style.bold(fitted.slice(start, Math.min(end, whole)));
    at = Math.min(end, whole);
  }
  return text + fitted.slice(at);
}

/** On one line, and without what would move the cursor. */
export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `today 14:03`, `yesterday 09:12`, `Mon 14:03`, `3 Nov 14:03`, `3 Nov 2025`: in the time of this place. */
export function whenText(ms: number, nowMs: number): string {
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
  const days = calendarDay(new Date(nowMs)) - calendarDay(date);
  if (days === 0) return `today ${time}`;
  if (days === 1) return `yesterday ${time}`;
  if (days > 1 && days < 7) return `${DAYS[date.getDay()] ?? ''} ${time}`;
  const day = `${date.getDate()} ${MONTHS[date.getMonth()] ?? ''}`;
  return date.getFullYear() === new Date(nowMs).getFullYear()
    ? `${day} ${time}`
    : `${day} ${date.getFullYear()}`;
}

/** Days since 1970 by the calendar: one with a change of the clocks counts like any other. */
function calendarDay(date: Date): number {
  return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / (24 * 3600 * 1000);
}
