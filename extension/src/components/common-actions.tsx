/** Actions with the same icon and shortcut in every list. */
import { Action, Icon, Keyboard } from '@raycast/api';

export const REMOVE = {
  icon: Icon.Trash,
  style: Action.Style.Destructive,
  shortcut: Keyboard.Shortcut.Common.Remove,
} satisfies Partial<Action.Props>;

export const REMOVE_ALL = {
  ...REMOVE,
  shortcut: Keyboard.Shortcut.Common.RemoveAll,
} satisfies Partial<Action.Props>;

export const REFRESH = {
  icon: Icon.ArrowClockwise,
  shortcut: Keyboard.Shortcut.Common.Refresh,
} satisfies Partial<Action.Props>;

/** Renders nothing if there is nothing to restore. */
export function UndoDelete({ undo }: { readonly undo: (() => Promise<void>) | undefined }) {
  if (undo === undefined) return null;
  return (
    <Action
      title="Undo Delete"
      icon={Icon.Undo}
      shortcut={{ modifiers: ['cmd'], key: 'z' }}
      onAction={undo}
    />
  );
}
