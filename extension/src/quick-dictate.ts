/** Quick Dictate: the first call begins a dictation in the background, the second finishes it and delivers the text. */
import { showHUD } from '@raycast/api';
import { isOver, SottoError, type Capture } from 'sotto/client';
import { findOrBeginTake, type Take } from './lib/begin-take';
import { withCapitals } from './lib/capitals';
import { deliver } from './lib/deliver';
import { readSettings, takeOptions, type Settings } from './lib/preferences';
import { refreshMenuBar } from './lib/refresh-menu-bar';
import { tellFailure } from './lib/tell-failure';

/** A key that is pressed again so soon bounces, or was pressed in haste: nobody has said anything yet. */
const BOUNCE_MS = 500;

export default async function QuickDictate() {
  const pressedMs = Date.now();
  try {
    const settings = readSettings();
    // Nobody looks at it, so it goes on until it is finished.
    const take = await findOrBeginTake(takeOptions(settings, true));
    const isBegun = take.isNew || take.first.startedMs > pressedMs - BOUNCE_MS;
    await (isBegun ? announce(take) : finish(take, settings));
  } catch (thrown) {
    await tellFailure(thrown);
  }
}

async function announce(take: Take): Promise<void> {
  const now = await reach(take, ({ phase }) => phase !== 'opening');
  failIfFailed(now);
  // Somebody was quicker, and says what became of it.
  if (now.phase !== 'listening') return;
  const said =
    now.noSignalSeconds > 0
      ? `Nothing comes from ${now.device ?? 'the microphone'}. Is it muted?`
      : 'Listening. Run Quick Dictate again when you are done';
  await Promise.all([showHUD(said), refreshMenuBar()]);
}

async function finish(take: Take, { capitals, delivery, trailingSpace }: Settings): Promise<void> {
  if (!(await take.capture.finish())) {
    // Whoever finished it delivers it: it must not be inserted twice.
    take.capture.close();
    await showHUD('It is being finished already');
    return;
  }
  const last = await reach(take, ({ phase }) => isOver(phase));
  try {
    failIfFailed(last);
    if (last.phase === 'gone') await showHUD('Cancelled');
    else await deliver(withCapitals(last.text ?? '', capitals), delivery, trailingSpace, last.error?.message);
  } finally {
    await refreshMenuBar();
  }
}

/** The dictation as soon as something is so, or as it ended. */
async function reach(take: Take, isSo: (now: Capture) => boolean): Promise<Capture> {
  let now = take.first;
  if (!isSo(now)) {
    for await (now of take.changes) if (isSo(now)) break;
  }
  take.capture.close();
  return now;
}

function failIfFailed({ phase, text, error }: Capture): void {
  const isWithoutText = phase === 'failed' || (phase === 'final' && (text ?? '') === '');
  if (isWithoutText && error !== undefined) throw SottoError.fromWire(error);
}
