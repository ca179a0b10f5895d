/** Paste Last Transcript: for a text that went into the wrong field, or into none. */
import { showHUD } from '@raycast/api';
import { deliver } from './lib/deliver';
import { lastTranscript } from './dictation/last-transcript';
import { sottoPaths } from './lib/sotto-paths';
import { readSettings } from './lib/preferences';
import { showFailure } from './lib/show-failure';

export default async function PasteLastTranscript() {
  try {
    const settings = readSettings();
    const { delivery, trailingSpace } = settings;
    const text = await lastTranscript(sottoPaths().capture, settings);
    if (text === undefined) await showHUD('No dictations yet');
    else await deliver(text, delivery, trailingSpace);
  } catch (thrown) {
    await showFailure(thrown);
  }
}
