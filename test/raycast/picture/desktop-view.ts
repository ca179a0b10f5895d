/** Draws the Mac's menu bar with an open menu. */
import { childNodes, plainText } from './frame.js';
import { imageOf } from './image.js';
import { keyCaps } from './action-bar.js';
import { keysOf } from './shortcut-keys.js';
import { html, type Markup, type Part } from './markup.js';
import type { TreeNode } from '../tree.js';

/** Distance of the menu bar icon from the right edge, in points. */
const SIGN_RIGHT = 250;

/** @param tree a `MenuBarExtra`, opened */
export function menuOf(tree: TreeNode, assets: string): Markup {
  const title = plainText(tree.props.title);
  return html`<div class="bar">
      <b>Notes</b><span>File</span><span>Edit</span><span>Format</span><span>View</span><span>Window</span>
      <div class="spring"></div>
      <span class="status open" style="margin-right:${SIGN_RIGHT - 150}px"
        >${imageOf(tree.props.icon, assets)}${title}</span
      >
      <span>Tue 9:41</span>
    </div>
    <div class="menu" style="right:${SIGN_RIGHT - 110}px">${menuRows(tree, assets)}</div>`;
}

function menuRows(node: TreeNode, assets: string): Part[] {
  const rows: Part[] = [];
  for (const child of childNodes(node)) {
    if (child.type === 'MenuBarExtra.Section') {
      if (childNodes(child).length === 0) continue;
      const title = plainText(child.props.title);
      rows.push(
        rows.length > 0 && html`<hr />`,
        title !== '' && html`<h6>${title}</h6>`,
        menuRows(child, assets),
      );
    } else if (child.type === 'MenuBarExtra.Separator') rows.push(html`<hr />`);
    else rows.push(menuItem(child, assets));
  }
  return rows;
}

function menuItem({ type, props }: TreeNode, assets: string): Markup {
  const isOff = type === 'MenuBarExtra.Item' && props.onAction === undefined;
  return html`<div class="item ${isOff ? 'off' : ''}">
    ${imageOf(props.icon, assets)}<span>${plainText(props.title)}</span
    ><span class="quiet">${plainText(props.subtitle)}</span>
    <div class="spring"></div>
    ${type === 'MenuBarExtra.Submenu' ? html`<span class="quiet">›</span>` : keyCaps(keysOf(props.shortcut))}
  </div>`;
}
