/** A past dictation in words: as a line, as Markdown, and what it is. */
import { SottoError } from 'sotto/client';
import type { HistoryRetention, PastDictation } from 'sotto/protocol';
import { errorText, escaped } from '../dictation/dictation-markdown';

const FOREVER_DAYS = 36_500;

/** On one line; of one that was searched for, the part in which the words are. */
export function titleOf({ snippet, text, state }: PastDictation): string {
  const line = (snippet ?? text).replace(/\s+/g, ' ').trim();
  if (line !== '') return line;
  return state === 'failed' ? 'Not written down yet' : 'Nothing was said';
}

export function markdownOf({ text, state, errorCode, audio }: PastDictation): string {
  const paragraphs = text.trim() === '' ? [] : [escaped(text.trim())];
  if (state === 'recovered') {
    return [
      ...paragraphs,
      '> Said before something failed, and finished without you. Nobody has read it yet.',
    ].join('\n\n');
  }
  if (state === 'left') return [...paragraphs, '> Finished in the background. Not read yet.'].join('\n\n');
  if (state === 'final') return paragraphs.length === 0 ? '*Nothing was said.*' : paragraphs.join('\n\n');
  const why =
    errorCode === undefined ? undefined : new SottoError(errorCode, 'this could not be written down');
  const then = audio === undefined ? '' : ' Its sound is kept: transcribe it again.';
  return [
    ...paragraphs,
    `> ${why === undefined ? 'This could not be written down.' : errorText(why)}${then}`,
  ].join('\n\n');
}

/** Whether its text was never delivered, nor read. */
export function isUnread({ state }: PastDictation): boolean {
  return state === 'recovered' || state === 'left';
}

/** What it is, where it is not as it should be. */
export function stateOf({ state }: PastDictation): 'Recovered' | 'In Background' | 'Failed' | undefined {
  if (state === 'final') return undefined;
  if (state === 'left') return 'In Background';
  return state === 'recovered' ? 'Recovered' : 'Failed';
}

/** Words as people count them; a character each where a script has no spaces between words. */
export function wordCount(text: string): number {
  const words = new Intl.Segmenter(undefined, { granularity: 'word' }).segment(text);
  return [...words].filter(({ isWordLike }) => isWordLike).length;
}

/** Behind “past dictations”: `are kept for 30 days, without their sound`. */
export function retentionText({ days, audio }: HistoryRetention): string {
  if (days === 0) return 'are not kept';
  const time = days >= FOREVER_DAYS ? 'forever' : days === 1 ? 'for a day' : `for ${Math.round(days)} days`;
  return `are kept ${time}, ${audio ? 'with' : 'without'} their sound`;
}
