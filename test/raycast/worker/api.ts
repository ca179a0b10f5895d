/** `@raycast/api` for commands. A missing member throws and names itself. */
import { data, callHost } from './parent.js';
import { Action } from './actions.js';
import { components, rejectUnknownMembers } from './components.js';
import { pop, push } from './navigation.js';
import { Cache, LocalStorage } from './storage.js';
import { showToast, Toast } from './toast.js';

const hostCall =
  (name: string) =>
  (...args: unknown[]): Promise<unknown> =>
    callHost(name, ...args);

const Clipboard = {
  copy: hostCall('copy'),
  paste: hostCall('paste'),
  clear: hostCall('clearClipboard'),
  read: hostCall('readClipboard'),
  readText: async () => ((await callHost('readClipboard')) as { text: string }).text,
};

interface AlertOptions {
  readonly title: string;
  readonly message?: string;
  readonly primaryAction?: { readonly title: string; readonly onAction?: () => void };
  readonly dismissAction?: { readonly title: string; readonly onAction?: () => void };
}

async function confirmAlert({
  title,
  message,
  primaryAction,
  dismissAction,
}: AlertOptions): Promise<boolean> {
  const isConfirmed = (await callHost('confirm', { title, message, action: primaryAction?.title })) === true;
  (isConfirmed ? primaryAction : dismissAction)?.onAction?.();
  return isConfirmed;
}

const Keyboard = {
  Shortcut: {
    // Tests press no keys, so the name is enough.
    Common: new Proxy({}, { get: (_target, name) => ({ common: String(name) }) }),
  },
};

const IMPLEMENTED: Record<string, unknown> = {
  ...components(),
  Action,
  Alert: { ActionStyle: { Default: 'default', Destructive: 'destructive', Cancel: 'cancel' } },
  Cache,
  Clipboard,
  Image: { Mask: { Circle: 'circle', RoundedRectangle: 'roundedRectangle' } },
  Keyboard,
  LocalStorage,
  Toast,
  captureException: (error: unknown) => void callHost('exception', String(error)),
  clearSearchBar: hostCall('clearSearchBar'),
  closeMainWindow: hostCall('closeMainWindow'),
  confirmAlert,
  environment: {
    ...data.environment,
    canAccess: () => false,
  },
  getApplications: hostCall('getApplications'),
  getDefaultApplication: hostCall('getDefaultApplication'),
  getFrontmostApplication: hostCall('getFrontmostApplication'),
  getPreferenceValues: () => ({ ...data.preferences }),
  getSelectedFinderItems: hostCall('getSelectedFinderItems'),
  getSelectedText: hostCall('getSelectedText'),
  launchCommand: hostCall('launchCommand'),
  open: hostCall('open'),
  openCommandPreferences: hostCall('openCommandPreferences'),
  openExtensionPreferences: hostCall('openExtensionPreferences'),
  popToRoot: hostCall('popToRoot'),
  showHUD: hostCall('hud'),
  showInFinder: hostCall('showInFinder'),
  showToast,
  trash: hostCall('trash'),
  updateCommandMetadata: hostCall('updateCommandMetadata'),
  useNavigation: () => ({ push, pop: () => void (pop() || void callHost('popToRoot')) }),
};

/** Bundlers and promises look these up in any module. */
const MODULE_PROPERTIES = new Set(['__esModule', 'default', 'then', 'toJSON']);

export function raycastApi(): object {
  const api: Record<string, unknown> = {};
  for (const [name, members] of Object.entries(data.api.enums))
    api[name] = rejectUnknownMembers({ ...members }, name);
  Object.assign(api, IMPLEMENTED);
  // Getters, so that a bundler's copy of the module also fails only when the name is used.
  for (const name of data.api.names) {
    if (name in api) continue;
    Object.defineProperty(api, name, { enumerable: true, get: () => refuse(name) });
  }
  return new Proxy(api, {
    get(target, name): unknown {
      if (typeof name === 'symbol' || name in target || MODULE_PROPERTIES.has(name))
        return Reflect.get(target, name);
      return refuse(name);
    },
  });
}

function refuse(name: string): never {
  throw new Error(`the Raycast host knows no ${name} of @raycast/api`);
}
