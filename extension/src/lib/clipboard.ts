/** Inserting goes through the clipboard: what was on it comes back. */
import { Clipboard } from '@raycast/api';
import { fileURLToPath } from 'node:url';

/** Longer than an app takes until it has read what is pasted. */
const PASTED_MS = 300;

/**
 * Pastes into the app in front. What was on the clipboard is put back, as far as Raycast can read it (text and files, not
 * pictures), unless somebody has copied something else meanwhile.
 */
export async function pasteAndPutBack(text: string): Promise<void> {
  const before = await read();
  await Clipboard.paste(text);
  const content = before === undefined ? undefined : contentOf(before);
  if (content === undefined || before?.text === text) return;
  await new Promise((resolve) => setTimeout(resolve, PASTED_MS));
  const now = await read();
  if (now?.text !== text) return;
  // The text is where it belongs: that the clipboard is not as it was is no failure. It is no new entry of its history, either.
  await Clipboard.copy(content, { concealed: true }).catch(() => undefined);
}

async function read(): Promise<Clipboard.ReadContent | undefined> {
  try {
    return await Clipboard.read();
  } catch {
    return undefined;
  }
}

/** As it can be written again; undefined where there is nothing that can be. */
export function contentOf({ text, file, html }: Clipboard.ReadContent): Clipboard.Content | undefined {
  if (file !== undefined && file !== '')
    return { file: file.startsWith('file:') ? fileURLToPath(file) : file };
  if (html !== undefined && html !== '') return { html, text };
  return text === '' ? undefined : { text };
}
