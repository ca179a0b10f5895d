import { SottoError } from 'sotto/client';
import type { HistoryRetention, PastDictation } from 'sotto/protocol';
import { errorText, escapeMarkdown } from '../lib/markdown';

const FOREVER_DAYS = 36_500;

/** One line; in a search, the part of the text with the match. */
export function titleOf({ snippet, text, state }: PastDictation): string {
  const line = (snippet ?? text).replace(/\s+/g, ' ').trim();
  if (line !== '') return line;
  return state === 'failed' ? 'Not transcribed' : 'No speech detected';
}

export function markdownOf({ text, state, errorCode, audio }: PastDictation): string {
  const paragraphs = text.trim() === '' ? [] : [escapeMarkdown(text.trim())];
  if (state === 'recovered') {
    return [...paragraphs, '> Recovered after a crash.'].join('\n\n');
  }
  if (state === 'left') return [...paragraphs, '> Finished in the background.'].join('\n\n');
  if (state === 'final') return paragraphs.length === 0 ? '*No speech detected.*' : paragraphs.join('\n\n');
  const error =
    errorCode === undefined ? undefined : new SottoError(errorCode, 'this couldn’t be transcribed');
  const why = error === undefined ? 'This couldn’t be transcribed.' : errorText(error);
  const hint = audio === undefined ? '' : ' The audio is saved, so you can try again.';
  return [...paragraphs, `> ${why}${hint}`].join('\n\n');
}

/** Whether its text was neither delivered nor shown. */
export function isUnread({ state }: PastDictation): boolean {
  return state === 'recovered' || state === 'left';
}

/** Undefined for a dictation that ended normally. */
export function stateOf({ state }: PastDictation): 'Recovered' | 'In Background' | 'Failed' | undefined {
  if (state === 'final') return undefined;
  if (state === 'left') return 'In Background';
  return state === 'recovered' ? 'Recovered' : 'Failed';
}

/** Also counts words in scripts without spaces, such as Japanese. */
export function wordCount(text: string): number {
  const words = new Intl.Segmenter(undefined, { granularity: 'word' }).segment(text);
  return [...words].filter(({ isWordLike }) => isWordLike).length;
}

/** `kept for 30 days, without audio` */
export function retentionText({ days, audio, compact }: HistoryRetention): string {
  if (days === 0) return 'not kept';
  const time = days >= FOREVER_DAYS ? 'forever' : days === 1 ? 'for 1 day' : `for ${Math.round(days)} days`;
  return `kept ${time}, ${audio ? 'with' : 'without'} ${audio && compact === true ? 'compact ' : ''}audio`;
}
