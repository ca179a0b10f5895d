/** The stack of screens. Those below the top stay mounted, as in Raycast. */
import { createElement, Fragment, useSyncExternalStore, type ReactNode } from 'react';

interface Screen {
  readonly key: number;
  readonly element: ReactNode;
  readonly onPop: (() => void) | undefined;
}

let screens: readonly Screen[] = [];
let lastKey = 0;
const listeners = new Set<() => void>();

function change(next: readonly Screen[]): void {
  screens = next;
  for (const listener of listeners) listener();
}

export function push(element: ReactNode, onPop?: () => void): void {
  change([...screens, { key: ++lastKey, element, onPop }]);
}

/** @returns false for the last screen, which leaves the command */
export function pop(): boolean {
  const top = screens.at(-1);
  if (screens.length < 2 || top === undefined) return false;
  change(screens.slice(0, -1));
  top.onPop?.();
  return true;
}

export function Screens(): ReactNode {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => screens,
  );
  return createElement(
    Fragment,
    null,
    shown.map(({ key, element }) => createElement('screen', { key }, element)),
  );
}
