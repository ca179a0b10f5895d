/** `sotto history retranscribe`: transcribes the audio of a dictation again. */
import type { Paths } from '../../paths.js';
import { SottoError } from '../../protocol/errors.js';
import type { JobSummary } from '../../protocol/messages.js';
import { playableAudio, type PlayableAudio } from './playable-audio.js';
import { findByIdPrefix, openHistory } from './open-history.js';
import { oneLine } from './history-table.js';
import { INTERRUPTED } from '../interrupt.js';
import { columnsOf, fitStart } from '../terminal/columns.js';
import { styleFor, wantsColor } from '../terminal/style.js';
import { readSettings } from '../../settings.js';
import type { Transcriber } from '../../batch/transcriber.js';
import type { TranscribeView } from '../transcribe/transcribe-view.js';
import { defined } from '../../protocol/defined.js';

interface Retranscription {
  /** Id or prefix. */
  readonly id: string;
  readonly model?: string;
  readonly language?: string;
  /** Whether the daemon decodes a compact recording. */
  readonly daemon: boolean;
}

interface RetranscribeDeps {
  readonly transcriber: Transcriber;
  readonly view: TranscribeView;
  readonly signal: AbortSignal;
}

const LABEL_COLUMNS = 8;
const LEADING_WORDS = 4;

/** @returns the exit code @throws SottoError */
export async function retranscribe(
  paths: Paths,
  { id, model, language, daemon }: Retranscription,
  { transcriber, view, signal }: RetranscribeDeps,
): Promise<number> {
  const history = openHistory(paths);
  let playable: PlayableAudio | undefined;
  try {
    const dictation = findByIdPrefix(history, id);
    if (dictation === undefined) return 1;
    if (dictation.audio === undefined) {
      throw new SottoError('AUDIO_NOT_FOUND', `dictation ${dictation.id} has no saved audio`, {
        hint: '`sotto history keep --audio` keeps audio from now on',
      });
    }
    playable = await playableAudio(paths, dictation.audio, daemon);
    view.begin(dictation.audio);
    let text = '';
    let summary: JobSummary | undefined;
    for await (const event of transcriber.transcribe(
      playable.path,
      { timestamps: 'auto', ...defined({ language }) },
      { signal, ...defined({ model }) },
    )) {
      view.event(event);
      if (event.type === 'segment') text += event.segment.text;
      if (event.type === 'final') summary = event.summary;
    }
    view.close();
    if (summary === undefined) throw new SottoError('INTERNAL', 'the transcription ended without a result');
    const before = oneLine(dictation.text);
    const after = oneLine(text);
    if (after === '' && before !== '') {
      // A model that hears nothing must not erase the text.
      process.stderr.write(`no speech detected: kept the text of ${dictation.id}\n`);
      return 0;
    }
    history.setText(dictation.id, text.trim(), summary.model, summary.language);
    if (before === after) process.stderr.write('the text is unchanged\n');
    else process.stdout.write(comparison(before, after, readSettings(paths.settings).history.keepDays === 0));
    return 0;
  } catch (error) {
    if (!signal.aborted) throw error;
    process.stderr.write('interrupted: kept the existing text\n');
    return INTERRUPTED;
  } finally {
    view.close();
    history.close();
    await playable?.remove();
  }
}

/** @param whole show all of it, because the history keeps nothing */
function comparison(before: string, after: string, whole: boolean): string {
  const style = styleFor(wantsColor(process.stdout));
  const room = process.stdout.isTTY && !whole ? process.stdout.columns - LABEL_COLUMNS : Infinity;
  const cut = before === '' ? 0 : comparisonStart(before, after, room);
  const fitted = (text: string): string => fitStart(cut === 0 ? text : `…${text.slice(cut)}`, room);
  const previous =
    before === '' ? '' : `${style.dim(`${'before'.padEnd(LABEL_COLUMNS)}${fitted(before)}`)}\n`;
  return `${previous}${style.bold('after'.padEnd(LABEL_COLUMNS))}${fitted(after)}\n`;
}

/** The offset at which to start showing two texts with a long common start: a few words before they differ. */
export function comparisonStart(before: string, after: string, room: number): number {
  let commonLength = 0;
  while (commonLength < before.length && before[commonLength] === after[commonLength]) commonLength++;
  if (columnsOf(before.slice(0, commonLength)) < room / 2) return 0;
  const words = [...before.slice(0, commonLength).matchAll(/ /g)].map(({ index }) => index + 1);
  return words.at(-LEADING_WORDS) ?? 0;
}
