/** Quick Dictate: the first call begins a dictation in the background, the second finishes it and delivers the text. */
import { showHUD } from '@raycast/api';
import { isOver, SottoError, type Capture } from 'sotto/client';
import { findOrStartDictation, type DictationHandle } from './dictation/start-dictation';
import { applyCapitalization } from './dictation/capitalization';
import { deliver } from './lib/deliver';
import { readSettings, dictationOptions, type Settings } from './lib/preferences';
import { refreshMenuBar } from './menu-bar/refresh-menu-bar';
import { showFailure } from './lib/show-failure';

/** A key that is pressed again so soon bounces, or was pressed in haste: nobody has said anything yet. */
const DEBOUNCE_MS = 500;

export default async function QuickDictate() {
  const pressedMs = Date.now();
  try {
    const settings = readSettings();
    // Nobody looks at it, so it goes on until it is finished.
    const dictation = await findOrStartDictation(dictationOptions(settings, true));
    const isJustStarted = dictation.isNew || dictation.first.startedMs > pressedMs - DEBOUNCE_MS;
    await (isJustStarted ? announce(dictation) : finish(dictation, settings));
  } catch (thrown) {
    await showFailure(thrown);
  }
}

async function announce(dictation: DictationHandle): Promise<void> {
  const now = await waitUntil(dictation, ({ phase }) => phase !== 'opening');
  throwIfFailed(now);
  // Somebody was quicker, and says what became of it.
  if (now.phase !== 'listening') return;
  const message =
    now.noSignalSeconds > 0
      ? `Nothing comes from ${now.device ?? 'the microphone'}. Is it muted?`
      : 'Listening. Run Quick Dictate again when you are done';
  await Promise.all([showHUD(message), refreshMenuBar()]);
}

async function finish(
  dictation: DictationHandle,
  { capitals, delivery, trailingSpace }: Settings,
): Promise<void> {
  if (!(await dictation.capture.finish())) {
    // Whoever finished it delivers it: it must not be inserted twice.
    dictation.capture.close();
    await showHUD('It is being finished already');
    return;
  }
  const last = await waitUntil(dictation, ({ phase }) => isOver(phase));
  try {
    throwIfFailed(last);
    if (last.phase === 'discarded') await showHUD('Cancelled');
    else
      await deliver(
        applyCapitalization(last.text ?? '', capitals),
        delivery,
        trailingSpace,
        last.error?.message,
      );
  } finally {
    await refreshMenuBar();
  }
}

/** The dictation as soon as something is so, or as it ended. */
async function waitUntil(dictation: DictationHandle, matches: (now: Capture) => boolean): Promise<Capture> {
  let now = dictation.first;
  if (!matches(now)) {
    for await (now of dictation.changes) if (matches(now)) break;
  }
  dictation.capture.close();
  return now;
}

function throwIfFailed({ phase, text, error }: Capture): void {
  const isWithoutText = phase === 'failed' || (phase === 'final' && (text ?? '') === '');
  if (isWithoutText && error !== undefined) throw SottoError.fromWire(error);
}
