/** What becomes of a text when all is said. */
import { Clipboard, closeMainWindow, popToRoot, PopToRootType, showHUD } from '@raycast/api';
import { paste } from './clipboard';

export type Delivery = 'insert' | 'copy';

/**
 * Inserts the text into the app in front, or copies it, and leaves Raycast. The last thing that a command does: copying
 * may close its window.
 * @param remark why there may be less text than there should be
 */
export async function deliver(
  text: string,
  delivery: Delivery,
  trailingSpace: boolean,
  remark?: string,
): Promise<void> {
  const suffix = remark === undefined ? '' : `. ${capitalized(remark)}`;
  if (text === '') {
    await leave(capitalized(remark ?? 'nothing was said'));
  } else if (delivery === 'insert') {
    await closeMainWindow({ clearRootSearch: true, popToRootType: PopToRootType.Suspended });
    const restoreClipboard = await paste(textToPaste(text, trailingSpace));
    await showHUD(`Inserted${suffix}`, { popToRootType: PopToRootType.Suspended });
    // Before the command's view is left: Raycast ends a command without a view.
    await restoreClipboard();
    await popToRoot({ clearSearchBar: true });
  } else {
    await Clipboard.copy(text);
    await leave(`Copied${suffix}`);
  }
}

/** What is inserted: the next word, or the next dictation, needs a space in front of it. */
export function textToPaste(text: string, trailingSpace: boolean): string {
  return trailingSpace && !/\s$/.test(text) ? `${text} ` : text;
}

/** Messages of errors begin small. */
export function capitalized(message: string): string {
  return message.charAt(0).toUpperCase() + message.slice(1);
}

function leave(message: string): Promise<void> {
  return showHUD(message, { clearRootSearch: true, popToRootType: PopToRootType.Immediate });
}
