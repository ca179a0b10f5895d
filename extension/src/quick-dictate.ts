/** Quick Dictate: the first run starts a dictation in the background, the second finishes it and delivers the text. */
import { showHUD } from '@raycast/api';
import { isOver, SottoError, type Capture } from 'sotto/client';
import { findOrStartDictation, type DictationHandle } from './dictation/start-dictation';
import { applyCapitalization } from './dictation/capitalization';
import { deliver } from './lib/deliver';
import { readSettings, dictationOptions, type ExtensionSettings } from './lib/preferences';
import { refreshMenuBar } from './menu-bar/refresh-menu-bar';
import { showFailure } from './lib/show-failure';

/** A second key press so soon is a bounce or a double press, not the end of a dictation. */
const DEBOUNCE_MS = 500;

export default async function QuickDictate() {
  const pressedMs = Date.now();
  try {
    const settings = readSettings();
    // No command stays connected, so the dictation has to keep listening without one.
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
  // Another command has finished it already, and shows the result.
  if (now.phase !== 'listening') return;
  const message =
    now.noSignalSeconds > 0
      ? `No audio from ${now.device ?? 'the microphone'}. Is it muted?`
      : 'Listening… Run Quick Dictate again to finish';
  await Promise.all([showHUD(message), refreshMenuBar()]);
}

async function finish(
  dictation: DictationHandle,
  { capitalization, delivery, trailingSpace }: ExtensionSettings,
): Promise<void> {
  if (!(await dictation.capture.finish())) {
    // The command that finished it delivers the text: it must not be pasted twice.
    dictation.capture.close();
    await showHUD('Already finishing');
    return;
  }
  const last = await waitUntil(dictation, ({ phase }) => isOver(phase));
  try {
    throwIfFailed(last);
    if (last.phase === 'discarded') await showHUD('Cancelled');
    else
      await deliver(
        applyCapitalization(last.text ?? '', capitalization),
        delivery,
        trailingSpace,
        last.error?.message,
      );
  } finally {
    await refreshMenuBar();
  }
}

/** Resolves to the first state that matches, or else the last one. */
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
