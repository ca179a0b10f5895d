/** Draws `Detail.Metadata` and `List.Item.Detail.Metadata`. */
import { childNodes, plainText } from './frame.js';
import { cssColor, imageOf } from './image.js';
import { html, type Markup } from './markup.js';
import type { TreeNode } from '../tree.js';

/** @param metadata the node itself, or its slot */
export function metadataView(metadata: TreeNode, assets: string): Markup {
  const rows = metadata.children.flatMap((child) =>
    child.type.endsWith('.Metadata') ? [...childNodes(child)] : [child],
  );
  return html`<dl>${rows.map((row) => metadataRow(row, assets))}</dl>`;
}

function metadataRow(node: TreeNode, assets: string): Markup {
  const title = plainText(node.props.title);
  switch (node.type.slice(node.type.lastIndexOf('.') + 1)) {
    case 'Separator':
      return html`<hr />`;
    case 'Label': {
      const { text } = node.props;
      const color =
        typeof text === 'object' && text !== null && 'color' in text ? cssColor(text.color) : undefined;
      return html`<dt>${title}</dt>
        <dd style="${color === undefined ? '' : `color:${color}`}">
          ${imageOf(node.props.icon, assets)}<span>${plainText(text)}</span>
        </dd>`;
    }
    case 'Link':
      return html`<dt>${title}</dt>
        <dd><a>${plainText(node.props.text)}</a></dd>`;
    case 'TagList':
      return html`<dt>${title}</dt>
        <dd>
          ${childNodes(node).map((tag) => tagOf(plainText(tag.props.text), tag.props.color, imageOf(tag.props.icon, assets)))}
        </dd>`;
    default:
      throw new Error(`a picture can't show ${node.type}`);
  }
}

export function tagOf(text: string, color: unknown, icon?: Markup): Markup {
  return html`<span class="tag" style="--ink:${cssColor(color) ?? 'var(--quiet)'}">${icon}${text}</span>`;
}
