/** The view of a dictation in progress: committed text is plain, tentative text is in italics. */
import type { DictationView } from 'sotto/client';
import { errorText, escapeMarkdown, sentence } from '../lib/markdown';

/** A Detail shows its start and does not scroll, so a growing text is cut at its start. */
const MAX_SHOWN_CHARACTERS = 1_200;
const BARS = '▁▂▃▄▅▆▇█';
/** dB below full scale of the lowest and the highest bar: a quiet room, and a mouth close to the microphone. */
const QUIET_DB = -58;
const LOUD_DB = -12;

export function markdownOf(dictation: DictationView): string {
  const hint = hintOf(dictation);
  const text = isDone(dictation)
    ? escapeMarkdown(dictation.text ?? dictation.committed.trim())
    : liveText(dictation);
  return [text === '' ? emptyText(dictation) : text, ...(hint === undefined ? [] : [`> ${hint}`])].join(
    '\n\n',
  );
}

/** Whether the language, model and microphone can still change. */
export function isSwitchable({ phase }: DictationView): boolean {
  return phase === 'opening' || phase === 'listening' || phase === 'paused';
}

/** The most serious state, in a word or two. */
export function stateOf(dictation: DictationView): string {
  switch (dictation.phase) {
    case 'opening':
      return 'Opening the microphone…';
    case 'paused':
      return 'Paused';
    case 'finishing':
      return 'Finishing…';
    case 'final':
      return 'Done';
    case 'failed':
      return 'Failed';
    case 'cancelled':
    case 'discarded':
      return 'Cancelled';
    case 'listening':
      break;
  }
  if (dictation.recordingOnly === true) return 'Recording only';
  if (dictation.noSignalSeconds > 0) return 'No signal';
  if (dictation.daemon === 'lost') return 'Reconnecting…';
  if (dictation.daemon === 'connecting') return 'Starting Sotto…';
  if (dictation.engine === 'waiting') return 'Loading the model…';
  if (dictation.engine === 'restarting') return 'Restarting the engine…';
  if (dictation.retranscribing === true) return 'Transcribing again…';
  return 'Listening';
}

/** What the user should know or do, most urgent first; undefined if nothing. */
export function hintOf(dictation: DictationView): string | undefined {
  const { phase, error, device, missingDevice } = dictation;
  if (phase === 'failed' || phase === 'final') return error === undefined ? undefined : errorText(error);
  if (phase === 'cancelled') return 'Discarded. Press ⌘Z to undo.';
  if (phase === 'discarded' || phase === 'finishing') return undefined;
  if (dictation.recordingOnly === true) {
    const why = error === undefined ? '' : `${sentence(error.message)} `;
    return `${why}Still recording. The text will appear in History once Sotto can transcribe it.`;
  }
  if (dictation.noSignalSeconds > 0) {
    return `No audio from ${device ?? 'the microphone'} for ${Math.floor(dictation.noSignalSeconds)} seconds. Is it muted? Does Raycast have microphone access?`;
  }
  if (dictation.daemon === 'lost') return 'Sotto is restarting. Keep talking: nothing is lost.';
  if (dictation.engine === 'waiting' && dictation.seconds > 1)
    return 'Loading the model. Keep talking: the text will catch up.';
  if (dictation.engine === 'restarting')
    return 'The speech engine is restarting. Keep talking: nothing is lost.';
  if (error !== undefined) return sentence(error.message);
  if (missingDevice !== undefined)
    return `${escapeMarkdown(missingDevice)} isn’t connected. Using ${escapeMarkdown(device ?? 'the system default')}.`;
  return undefined;
}

/** The block character of a loudness. */
export function barOf(db: number): string {
  const fraction = Math.max(0, Math.min(1, (db - QUIET_DB) / (LOUD_DB - QUIET_DB)));
  return BARS[Math.round(fraction * (BARS.length - 1))] ?? '▁';
}

function isDone({ phase }: DictationView): boolean {
  return phase === 'final' || phase === 'failed';
}

function liveText({ committed, tentative, phase }: DictationView): string {
  const text = committed.trimStart();
  const tentativeText = tentative.trim();
  const room = Math.max(0, MAX_SHOWN_CHARACTERS - tentativeText.length);
  const shown =
    text.length > room
      ? `…${text
          .slice(-room)
          .replace(/^\S*\s/, ' ')
          .trimStart()}`
      : text;
  if (phase === 'cancelled' || phase === 'discarded') {
    return shown === '' ? '' : `~~${escapeMarkdown(shown.trim())}~~`;
  }
  if (tentativeText === '') return escapeMarkdown(shown.trimEnd());
  // Restore a space only where there was one: some languages have none between words.
  const space = text !== '' && (/\s$/.test(text) || /^\s/.test(tentative)) ? ' ' : '';
  return `${escapeMarkdown(shown.trimEnd())}${space}*${escapeMarkdown(tentativeText)}*`;
}

function emptyText({ phase, retranscribing }: DictationView): string {
  switch (phase) {
    case 'opening':
      return '*One moment…*';
    case 'final':
      return '*No speech detected.*';
    case 'failed':
      return '# Dictation failed';
    case 'finishing':
      return '*Transcribing…*';
    case 'cancelled':
    case 'discarded':
      return '*Cancelled.*';
    case 'paused':
      return '*Paused.*';
    case 'listening':
      return retranscribing === true ? '*Transcribing again…*' : '*Start speaking…*';
  }
}
