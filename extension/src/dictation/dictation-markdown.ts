/** How a dictation looks while it goes on: what is said for good is plain, what may still change is in italics. */
import type { Capture } from 'sotto/client';
import type { WireError } from 'sotto/protocol';

/** A Detail shows its beginning, and does not scroll: of a long text the end is shown while it grows. */
const MAX_SHOWN_CHARACTERS = 1_200;
const BARS = '▁▂▃▄▅▆▇█';
/** dB below full scale of the lowest bar and the highest: a quiet room, and a mouth close to the microphone. */
const QUIET_DB = -58;
const LOUD_DB = -12;
/** The hints of some codes are written for a terminal. */
const HINTS: Partial<Record<WireError['code'], string>> = {
  MIC_DENIED:
    'allow Raycast the microphone: System Settings › Privacy & Security › Microphone; and see that it is not muted',
  MIC_UNAVAILABLE: 'check that a microphone is connected and not in use',
};

export function markdownOf(dictation: Capture): string {
  const hint = hintOf(dictation);
  const text = isDone(dictation)
    ? escaped(dictation.text ?? dictation.committed.trim())
    : spokenOf(dictation);
  return [text === '' ? emptyText(dictation) : text, ...(hint === undefined ? [] : [`> ${hint}`])].join(
    '\n\n',
  );
}

/** Whether what comes is still heard, so that it can be heard otherwise. */
export function isSwitchable({ phase }: Capture): boolean {
  return phase === 'opening' || phase === 'listening' || phase === 'paused';
}

/** What it does now, in a word or two. */
export function stateOf(dictation: Capture): string {
  switch (dictation.phase) {
    case 'opening':
      return 'Opening the microphone…';
    case 'paused':
      return 'Paused';
    case 'finishing':
      return 'Finishing…';
    case 'cancelled':
      return 'Cancelled';
    case 'final':
      return 'Done';
    case 'failed':
      return 'Failed';
    case 'discarded':
      return 'Cancelled';
    case 'listening':
      break;
  }
  if (dictation.recordingOnly === true) return 'Only recording';
  if (dictation.noSignalSeconds > 0) return 'No signal';
  if (dictation.daemon === 'lost') return 'Reconnecting…';
  if (dictation.daemon === 'connecting') return 'Starting Sotto…';
  if (dictation.engine === 'waiting') return 'Loading the model…';
  if (dictation.engine === 'restarting') return 'Restarting the engine…';
  if (dictation.retranscribing === true) return 'Writing it down again…';
  return dictation.speaking ? 'Hearing you' : 'Listening';
}

/** What somebody should know or do, where there is anything. */
export function hintOf(dictation: Capture): string | undefined {
  if (dictation.phase === 'failed' || dictation.phase === 'final') {
    return dictation.error === undefined ? undefined : errorText(dictation.error);
  }
  if (dictation.phase === 'cancelled') return 'Nothing of it is kept. You can undo this for a few seconds.';
  if (dictation.phase === 'discarded' || dictation.phase === 'finishing') return undefined;
  if (dictation.recordingOnly === true) {
    const why = dictation.error === undefined ? '' : `${sentence(dictation.error.message)} `;
    return `${why}What you say is still recorded, and comes into the history as soon as Sotto can write it down.`;
  }
  if (dictation.noSignalSeconds > 0) {
    return `Nothing has come from ${dictation.device ?? 'the microphone'} for ${Math.floor(dictation.noSignalSeconds)} seconds. Is it muted, or may Raycast not use it?`;
  }
  if (dictation.daemon === 'lost')
    return 'The daemon is gone for a moment. What you say is kept, and written down when it is back.';
  if (dictation.engine === 'waiting' && dictation.seconds > 1)
    return 'The model is being loaded. What you say is kept, and written down when it is there.';
  if (dictation.engine === 'restarting')
    return 'The engine restarts. What you say is kept, and nothing has to be said again.';
  if (dictation.error !== undefined) return sentence(dictation.error.message);
  if (dictation.missingDevice !== undefined)
    return `${escaped(dictation.missingDevice)} is not connected: ${escaped(dictation.device ?? 'the Mac’s own')} is used.`;
  return undefined;
}

/** What went wrong and what to do about it, as Markdown. */
export function errorText({ code, message, hint }: Pick<WireError, 'code' | 'message' | 'hint'>): string {
  return `${sentence(message)} ${sentence(HINTS[code] ?? hint)}`;
}

/** `1:05` */
export function clockOf(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/** The bar of a loudness. */
export function barOf(db: number): string {
  const part = Math.max(0, Math.min(1, (db - QUIET_DB) / (LOUD_DB - QUIET_DB)));
  return BARS[Math.round(part * (BARS.length - 1))] ?? '▁';
}

/** `German`; what was not found out yet has no name. */
export function languageName(code: string | undefined): string {
  if (code === undefined || code === 'auto') return 'Finding out…';
  try {
    return new Intl.DisplayNames(['en'], { type: 'language' }).of(code) ?? code;
  } catch {
    return code;
  }
}

function isDone({ phase }: Capture): boolean {
  return phase === 'final' || phase === 'failed';
}

function spokenOf({ committed, tentative, phase }: Capture): string {
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
  if (phase === 'cancelled' || phase === 'discarded')
    return shown === '' ? '' : `~~${escaped(shown.trim())}~~`;
  if (tentativeText === '') return escaped(shown.trimEnd());
  // Some languages have no spaces between words: only those that were there come back.
  const between = text !== '' && (/\s$/.test(text) || /^\s/.test(tentative)) ? ' ' : '';
  return `${escaped(shown.trimEnd())}${between}*${escaped(tentativeText)}*`;
}

function emptyText({ phase, retranscribing }: Capture): string {
  switch (phase) {
    case 'opening':
      return '*One moment…*';
    case 'final':
      return '*Nothing was said.*';
    case 'failed':
      return '# This did not work';
    case 'finishing':
      return '*Writing down…*';
    case 'cancelled':
    case 'discarded':
      return '*Cancelled.*';
    case 'paused':
      return '*Paused.*';
    case 'listening':
      return retranscribing === true ? '*Writing it down again…*' : '*Speak now.*';
  }
}

/** Markdown that means these characters. */
export function escaped(text: string): string {
  return text
    .replace(/[\\`*_{}[\]<~$]|&(?=#?\w+;)/g, '\\$&')
    .replace(/^(\s*)([#>+-])/gm, '$1\\$2')
    .replace(/^(\s*\d+)([.)])/gm, '$1\\$2')
    .replace(/\n/g, '  \n');
}

/** Commands in it stay between backticks: the text is Sotto's own. */
function sentence(text: string): string {
  const capitalized = text.charAt(0).toUpperCase() + text.slice(1);
  const whole = /[.!?]$/.test(capitalized) ? capitalized : `${capitalized}.`;
  const parts = whole.split('`');
  return parts.map((part, at) => (at % 2 === 0 ? escaped(part) : `\`${part}\``)).join('');
}
