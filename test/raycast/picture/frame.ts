import type { TreeNode } from '../tree.js';

/** What a command has rendered, and what Raycast adds to it. */
export interface Frame {
  readonly tree: TreeNode;
  /** Title of the command, used without a navigationTitle. */
  readonly title: string;
  /** The extension's assets folder, and the file name of its icon. */
  readonly assets: string;
  readonly icon: string;
  /** Title of the selected list item; the first by default. */
  readonly selected?: string;
  /** Text in the search bar. */
  readonly search?: string;
  /** Values of uncontrolled form fields, by id. */
  readonly typed?: Readonly<Record<string, unknown>>;
  readonly isPanelOpen?: boolean;
  readonly toast?: ToastFrame;
}

export interface ToastFrame {
  readonly style: string;
  readonly title: string;
  readonly message?: string;
}

/** A text of the API, which may have a tooltip: `{ value, tooltip }`. */
export function plainText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (value instanceof Date) return agoOf(value);
  if (typeof value === 'object' && value !== null && 'value' in value) return plainText(value.value);
  return '';
}

/** The relative time of a date accessory, as Raycast writes it. */
export function agoOf(date: Date, now = Date.now()): string {
  const minutes = Math.max(0, Math.round((now - date.getTime()) / 60_000));
  if (minutes < 1) return 'now';
  if (minutes < 60) return `${minutes}m`;
  if (minutes < 24 * 60) return `${Math.round(minutes / 60)}h`;
  const days = Math.round(minutes / (24 * 60));
  return days < 7 ? `${days}d` : `${Math.round(days / 7)}w`;
}

/** Children without slots. */
export function childNodes(node: TreeNode): readonly TreeNode[] {
  return node.children.filter(({ type }) => type !== 'slot');
}
