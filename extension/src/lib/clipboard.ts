/** Inserting goes through the clipboard: what was on it comes back. */
import { Clipboard } from '@raycast/api';
import { fileURLToPath } from 'node:url';

/** Longer than an app takes until it has read what is pasted. */
const PASTED_MS = 300;

/**
 * Pastes into the app in front. What was on the clipboard is put back, as far as Raycast can read it (text and a file, not
 * several files nor pictures), unless somebody has copied something else meanwhile.
 */
export async function pasteAndPutBack(text: string): Promise<void> {
  const before = await read();
  await Clipboard.paste(text);
  if (before?.content === undefined || before.text === text) return;
  await new Promise((resolve) => setTimeout(resolve, PASTED_MS));
  const now = await read();
  if (now?.text !== text) return;
  // The text is where it belongs: that the clipboard is not as it was is no failure. It is no new entry of its history, either.
  await Clipboard.copy(before.content, { concealed: true }).catch(() => undefined);
}

interface Read {
  readonly text: string;
  /** As it can be written again; undefined where there is nothing that can be. */
  readonly content: Clipboard.Content | undefined;
}

async function read(): Promise<Read | undefined> {
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
