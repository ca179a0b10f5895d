/** Formats past dictations as a table that fits the terminal. */
import type { StoredDictation, Range } from '../../store/history/index.js';
import { columnsOf, fitStart, padEnd } from '../terminal/columns.js';
import { clock } from '../../format-duration.js';
import type { Style } from '../terminal/style.js';

export interface TableRow {
  readonly dictation: StoredDictation;
  /** The shortest unique prefix of the id. */
  readonly shortId: string;
  /** Excerpt of the text; all of it if absent. */
  readonly text?: string;
  /** Positions of search hits in `text`. */
  readonly marks?: readonly Range[];
}

interface TableOptions {
  /** Width of the terminal; unlimited if absent. */
  readonly columns?: number;
  readonly style: Style;
  readonly nowMs: number;
}

const GAP = '  ';
/** With less room the durations are omitted. */
const PREFERRED_TEXT_COLUMNS = 24;
/** Narrower text is unreadable; the terminal wraps the line instead. */
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
        ...(states > 0 ? [stateColor(row.dictation, style)(padEnd(state, states))] : []),
        textCell(row, room, style),
      ];
      return `${parts.join(GAP).trimEnd()}\n`;
    })
    .join('');
}

export function stateColor({ state }: StoredDictation, style: Style): (text: string) => string {
  if (state === 'final') return (text) => text;
  return (text) => (state === 'failed' ? style.red(text) : style.cyan(text));
}

function textCell({ dictation, text, marks = [] }: TableRow, room: number, style: Style): string {
  if (text !== undefined) return marked(fitStart(text, room), marks, style);
  const shown = oneLine(dictation.text);
  return shown === '' ? style.dim(fitStart(placeholderText(dictation), room)) : fitStart(shown, room);
}

/** Shown in place of a missing text. */
export function placeholderText({ state, errorCode, audio }: StoredDictation): string {
  if (state !== 'failed') return '(no speech detected)';
  const why = errorCode === undefined ? '' : `: ${errorCode}`;
  return `(not transcribed${why}${audio === undefined ? '' : '; its audio was saved'})`;
}

/** Highlights search hits; hits cut off by `fitted` are skipped. */
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

/** One line without control characters. */
export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `today 14:03`, `yesterday 09:12`, `Mon 14:03`, `3 Nov 14:03`, `3 Nov 2025`, in local time. */
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

/** Calendar days since 1970, independent of daylight saving. */
function calendarDay(date: Date): number {
  return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / (24 * 3600 * 1000);
}
