/** What a picture is made of: what a command has rendered, and what Raycast adds to it. */
import type { TreeNode } from '../tree.js';

export interface Frame {
  readonly tree: TreeNode;
  /** The command's title, where it has not named the screen itself. */
  readonly title: string;
  /** Folder of the extension's pictures, and the name of its icon there. */
  readonly assets: string;
  readonly icon: string;
  /** Title of the selected item of a list; else it is the first. */
  readonly selected?: string;
  /** What stands in the search bar. */
  readonly search?: string;
  /** Values of the fields that a form keeps itself, by their ids. */
  readonly typed?: Readonly<Record<string, unknown>>;
  readonly isPanelOpen?: boolean;
  readonly toast?: ToastFrame;
}

export interface ToastFrame {
  readonly style: string;
  readonly title: string;
  readonly message?: string;
}

/** A text of the API, which may come with a tooltip: `{ value, tooltip }`. */
export function plainText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (value instanceof Date) return agoOf(value);
  if (typeof value === 'object' && value !== null && 'value' in value) return plainText(value.value);
  return '';
}

/** A date beside an item: how long ago, as Raycast writes it. */
export function agoOf(date: Date, now = Date.now()): string {
  const minutes = Math.max(0, Math.round((now - date.getTime()) / 60_000));
  if (minutes < 1) return 'now';
  if (minutes < 60) return `${minutes}m`;
  if (minutes < 24 * 60) return `${Math.round(minutes / 60)}h`;
  const days = Math.round(minutes / (24 * 60));
  return days < 7 ? `${days}d` : `${Math.round(days / 7)}w`;
}

/** The children without the slots. */
export function childNodes(node: TreeNode): readonly TreeNode[] {
  return node.children.filter(({ type }) => type !== 'slot');
}
