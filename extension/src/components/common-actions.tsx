/** What looks the same, and has the same key, in whatever list it is. */
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

/** Nothing while there is nothing to bring back. */
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
