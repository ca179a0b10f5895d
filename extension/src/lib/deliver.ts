import { Clipboard, closeMainWindow, popToRoot, PopToRootType, showHUD } from '@raycast/api';
import { paste } from './clipboard';

export type Delivery = 'paste' | 'copy';

/**
 * Pastes the text into the frontmost app, or copies it, and closes Raycast. Call it last: it may close the command's window.
 * @param remark why the text may be incomplete
 */
export async function deliver(
  text: string,
  delivery: Delivery,
  trailingSpace: boolean,
  remark?: string,
): Promise<void> {
  const suffix = remark === undefined ? '' : `. ${capitalized(remark)}`;
  if (text === '') {
    await leave(capitalized(remark ?? 'no speech detected'));
  } else if (delivery === 'paste') {
    await closeMainWindow({ clearRootSearch: true, popToRootType: PopToRootType.Suspended });
    const restoreClipboard = await paste(textToPaste(text, trailingSpace));
    await showHUD(`Pasted${suffix}`, { popToRootType: PopToRootType.Suspended });
    // Before popToRoot, which unloads the command.
    await restoreClipboard();
    await popToRoot({ clearSearchBar: true });
  } else {
    await Clipboard.copy(text);
    await leave(`Copied${suffix}`);
  }
}

export function textToPaste(text: string, trailingSpace: boolean): string {
  return trailingSpace && !/\s$/.test(text) ? `${text} ` : text;
}

/** Error messages start in lowercase. */
export function capitalized(message: string): string {
  return message.charAt(0).toUpperCase() + message.slice(1);
}

function leave(message: string): Promise<void> {
  return showHUD(message, { clearRootSearch: true, popToRootType: PopToRootType.Immediate });
}
