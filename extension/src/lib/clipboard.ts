import { Clipboard } from '@raycast/api';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';

/** Longer than a slow app takes to read the clipboard after a paste. */
const PASTE_TIMEOUT_MS = 1500;

/**
 * Pastes into the frontmost app.
 * @returns restores the previous clipboard once the app has read the text, unless something else was copied since. Raycast
 *   can read text and one file, but not several files or images.
 */
export async function paste(text: string): Promise<() => Promise<void>> {
  const before = await read();
  await Clipboard.paste(text);
  const pastedMs = performance.now();
  return async () => {
    if (before?.content === undefined || before.text === text) return;
    const leftMs = pastedMs + PASTE_TIMEOUT_MS - performance.now();
    await sleep(leftMs);
    const now = await read();
    if (now?.text !== text) return;
    // The paste has succeeded, so a failed restore is no error. `concealed` keeps it out of the clipboard history.
    await Clipboard.copy(before.content, { concealed: true }).catch(() => undefined);
  };
}

interface ClipboardSnapshot {
  readonly text: string;
  /** Undefined if it cannot be restored. */
  readonly content: Clipboard.Content | undefined;
}

async function read(): Promise<ClipboardSnapshot | undefined> {
  try {
    const read = await Clipboard.read();
    return { text: read.text, content: contentOf(read) };
  } catch {
    return undefined;
  }
}

/** @throws TypeError for a file on another machine */
function contentOf({ text, file, html }: Clipboard.ReadContent): Clipboard.Content | undefined {
  if (file !== undefined && file !== '') {
    // For several files, Raycast returns the first one and the names of all: restoring only one would lose the others.
    if (text.trim().includes('\n') || text.trim().includes('\r')) return undefined;
    return { file: file.startsWith('file:') ? fileURLToPath(file) : file };
  }
  if (html !== undefined && html !== '') return { html, text };
  return text === '' ? undefined : { text };
}
