/** The action bar at the bottom, and the panel that ⌘K opens. */
import { find, findAll, slot, textOf, type TreeNode } from '../tree.js';
import { childNodes, plainText, type Frame, type ToastFrame } from './frame.js';
import { imageOf } from './image.js';
import { keysOf } from './shortcut-keys.js';
import { html, type Markup } from './markup.js';

/** The action panel of the selected item, or else of the screen. */
export function panelOf(tree: TreeNode, item: TreeNode | undefined): TreeNode | undefined {
  const empty = item === undefined ? slot(find(tree, isEmptyView), 'actions') : undefined;
  return slot(item, 'actions') ?? empty ?? slot(tree, 'actions');
}

export function isEmptyView({ type }: TreeNode): boolean {
  return type.endsWith('.EmptyView');
}

export function keyCaps(keys: readonly string[]): Markup {
  return html`<span class="keys">${keys.map((key) => html`<kbd>${key}</kbd>`)}</span>`;
}

export function actionBar(frame: Frame, panel: TreeNode | undefined): Markup {
  const actions = findAll(panel, 'Action');
  const first = actions[0];
  const isForm = frame.tree.type === 'Form';
  return html`<footer>
    ${frame.toast === undefined ? nameOf(frame) : toastOf(frame.toast)}
    <div class="spring"></div>
    ${first !== undefined && html`<span class="primary">${textOf(first, 'title')}</span>${keyCaps(isForm ? ['⌘', '↵'] : ['↵'])}`}
    ${actions.length > 1 && html`<i class="rule"></i><span>Actions</span>${keyCaps(['⌘', 'K'])}`}
  </footer>`;
}

function nameOf({ tree, title, icon, assets }: Frame): Markup {
  const own = textOf(tree, 'navigationTitle');
  return html`${imageOf(icon, assets)}<span class="name">${own === '' ? title : own}</span>`;
}

function toastOf({ style, title, message }: ToastFrame): Markup {
  return html`<i class="toast ${style.toLowerCase()}"></i><span class="toast-title">${title}</span>
    <span class="name">${message}</span>`;
}

/** The open panel, with its first action selected. */
export function actionPanel(panel: TreeNode, frame: Frame): Markup {
  const first = find(panel, 'Action');
  const keysFor = (action: TreeNode): readonly string[] => {
    if (action === first) return frame.tree.type === 'Form' ? ['⌘', '↵'] : ['↵'];
    const own = keysOf(action.props.shortcut);
    const isSecond = findAll(panel, 'Action')[1] === action;
    return own.length > 0 || !isSecond ? own : ['⌘', '↵'];
  };
  const rows = (node: TreeNode): Markup[] => childNodes(node).flatMap((child) => row(child));
  const row = (node: TreeNode): Markup[] => {
    if (node.type === 'ActionPanel' || node.type === 'ActionPanel.Section') {
      const title = textOf(node, 'title');
      return [html`<section>${title !== '' && html`<h5>${title}</h5>`}${rows(node)}</section>`];
    }
    const isDestructive = node.props.style === 'destructive';
    const classes = [node === first && 'selected', isDestructive && 'destructive'].filter(Boolean);
    return [
      html`<div class="action ${classes.join(' ')}">
        ${imageOf(node.props.icon, frame.assets)}<span>${plainText(node.props.title)}</span>
        <div class="spring"></div>
        ${node.type === 'ActionPanel.Submenu' ? html`<span class="quiet">›</span>` : keyCaps(keysFor(node))}
      </div>`,
    ];
  };
  return html`<aside class="panel">
    <div class="rows">
      ${panel.children.flatMap((child) => (child.type === 'ActionPanel' ? rows(child) : row(child)))}
    </div>
    <div class="find">Search for actions…</div>
  </aside>`;
}
