/** Inserting goes through the clipboard: what was on it comes back. */
import { Clipboard } from '@raycast/api';
import { fileURLToPath } from 'node:url';

/** Longer than a slow app takes until it has read what is pasted. */
const PASTE_TIMEOUT_MS = 1500;

/**
 * Pastes into the app in front.
 * @returns restores what was on the clipboard, as far as Raycast can read it (text and a file, not several files nor
 *   pictures), once the app has read the text, and unless something else was copied meanwhile
 */
export async function paste(text: string): Promise<() => Promise<void>> {
  const before = await read();
  await Clipboard.paste(text);
  const pastedMs = performance.now();
  return async () => {
    if (before?.content === undefined || before.text === text) return;
    const leftMs = pastedMs + PASTE_TIMEOUT_MS - performance.now();
    await new Promise((resolve) => setTimeout(resolve, leftMs));
    const now = await read();
    if (now?.text !== text) return;
    // The text is where it belongs: a clipboard that can't be restored is no failure. Concealed: it is no new entry of the history.
    await Clipboard.copy(before.content, { concealed: true }).catch(() => undefined);
  };
}

interface ClipboardSnapshot {
  readonly text: string;
  /** As it can be written again; undefined where there is nothing that can be. */
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

/** @throws TypeError for a file of another machine */
function contentOf({ text, file, html }: Clipboard.ReadContent): Clipboard.Content | undefined {
  if (file !== undefined && file !== '') {
    // Raycast names the first of several, and their names are the text: one in the place of all would be none of ours to put.
    if (text.trim().includes('\n') || text.trim().includes('\r')) return undefined;
    return { file: file.startsWith('file:') ? fileURLToPath(file) : file };
  }
  if (html !== undefined && html !== '') return { html, text };
  return text === '' ? undefined : { text };
}
