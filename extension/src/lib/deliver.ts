/** What becomes of a text when all is said. */
import { Clipboard, closeMainWindow, PopToRootType, showHUD } from '@raycast/api';

export type Delivery = 'insert' | 'copy';

/**
 * Inserts the text into the app in front, or copies it, and leaves Raycast. The last thing that a command does: copying
 * may close its window.
 */
export async function deliver(text: string, how: Delivery, trailingSpace: boolean): Promise<void> {
  if (text === '') {
    await leave('Nothing was said');
  } else if (how === 'insert') {
    await closeMainWindow({ clearRootSearch: true, popToRootType: PopToRootType.Suspended });
    await Clipboard.paste(insertable(text, trailingSpace));
    await leave('Inserted');
  } else {
    await Clipboard.copy(text);
    await leave('Copied');
  }
}

/** What is inserted: the next word, or the next dictation, needs a space in front of it. */
export function insertable(text: string, trailingSpace: boolean): string {
  return trailingSpace && !/\s$/.test(text) ? `${text} ` : text;
}

function leave(said: string): Promise<void> {
  return showHUD(said, { clearRootSearch: true, popToRootType: PopToRootType.Immediate });
}
