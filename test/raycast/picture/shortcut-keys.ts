const MODIFIERS: readonly (readonly [string, string])[] = [
  ['ctrl', '⌃'],
  ['opt', '⌥'],
  ['shift', '⇧'],
  ['cmd', '⌘'],
];
const KEYS: Readonly<Record<string, string>> = {
  return: '↵',
  enter: '↵',
  backspace: '⌫',
  delete: '⌫',
  deleteForward: '⌦',
  tab: '⇥',
  escape: 'esc',
  space: '␣',
  arrowUp: '↑',
  arrowDown: '↓',
  arrowLeft: '←',
  arrowRight: '→',
};
/** `Keyboard.Shortcut.Common` */
const COMMON: Readonly<Record<string, readonly string[]>> = {
  Copy: ['⇧', '⌘', 'C'],
  CopyDeeplink: ['⇧', '⌘', 'C'],
  CopyName: ['⇧', '⌘', '.'],
  CopyPath: ['⇧', '⌘', ','],
  Save: ['⌘', 'S'],
  Duplicate: ['⌘', 'D'],
  Edit: ['⌘', 'E'],
  MoveDown: ['⇧', '⌘', '↓'],
  MoveUp: ['⇧', '⌘', '↑'],
  New: ['⌘', 'N'],
  Open: ['⌘', 'O'],
  OpenWith: ['⇧', '⌘', 'O'],
  Pin: ['⇧', '⌘', 'P'],
  Refresh: ['⌘', 'R'],
  Remove: ['⌃', 'X'],
  RemoveAll: ['⌃', '⇧', 'X'],
  ToggleQuickLook: ['⌘', 'Y'],
};

interface Shortcut {
  readonly common?: string;
  readonly modifiers?: readonly string[];
  readonly key?: string;
  /** The shortcut of one platform. */
  readonly macOS?: Shortcut;
}

/** The keys in the order of a Mac: ⌃ ⌥ ⇧ ⌘ and the key. */
export function keysOf(shortcut: unknown): readonly string[] {
  if (typeof shortcut !== 'object' || shortcut === null) return [];
  const { common, modifiers = [], key = '', macOS } = shortcut as Shortcut;
  if (macOS !== undefined) return keysOf(macOS);
  if (common !== undefined) return COMMON[common] ?? [];
  const pressed = MODIFIERS.filter(([name]) => modifiers.includes(name)).map(([, sign]) => sign);
  return [...pressed, KEYS[key] ?? key.toUpperCase()];
}
