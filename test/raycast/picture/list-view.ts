/** Draws a List: search bar, rows, and the detail of the selected row. */
import { metadataView, tagOf } from './metadata-view.js';
import { childNodes, plainText, type Frame } from './frame.js';
import { cssColor, imageOf } from './image.js';
import { html, type Markup, type Part } from './markup.js';
import { markdownHtml } from './markdown-html.js';
import { isEmptyView } from './action-bar.js';
import { find, findAll, slot, textOf, walk, type TreeNode } from '../tree.js';

/** Undefined for an empty list. */
export function selectedItem({ tree, selected }: Frame): TreeNode | undefined {
  const items = [...walk(tree)].filter(({ type }) => type === 'List.Item');
  return items.find(({ props }) => plainText(props.title) === selected) ?? items[0];
}

export function searchBar({ tree, search }: Frame): Markup {
  const text = search ?? textOf(tree, 'searchText');
  const placeholder = textOf(tree, 'searchBarPlaceholder');
  const dropdown = find(slot(tree, 'searchBarAccessory'), ({ type }) => type.endsWith('.Dropdown'));
  return html`<span class="search ${text === '' ? 'quiet' : ''}">${text === '' ? placeholder : text}</span>
    ${dropdown !== undefined && html`<span class="dropdown">${chosenOf(dropdown)}<b>⌄</b></span>`}`;
}

function chosenOf(dropdown: TreeNode): string {
  const items = [...walk(dropdown)].filter(({ type }) => type.endsWith('.Dropdown.Item'));
  const value = dropdown.props.value ?? dropdown.props.defaultValue;
  return textOf(items.find(({ props }) => props.value === value) ?? items[0], 'title');
}

export function listBody(frame: Frame): Markup {
  const { tree, assets } = frame;
  const item = selectedItem(frame);
  if (item === undefined) return emptyView(find(tree, isEmptyView), assets);
  const isShowing = tree.props.isShowingDetail === true;
  const rows = childNodes(tree).map((child) => rowOrSection(child, item, assets, isShowing));
  const detail = isShowing ? find(slot(item, 'detail'), 'List.Item.Detail') : undefined;
  return html`<div class="list ${isShowing ? 'narrow' : ''}">${rows}</div>
    ${detail !== undefined && itemDetail(detail, assets)}`;
}

function rowOrSection(node: TreeNode, selected: TreeNode, assets: string, isNarrow: boolean): Part {
  if (node.type === 'List.Item') return row(node, node === selected, assets, isNarrow);
  if (node.type !== 'List.Section') return undefined;
  const items = findAll(node, 'List.Item');
  if (items.length === 0) return undefined;
  return html`<h4>${plainText(node.props.title)}<small>${plainText(node.props.subtitle)}</small></h4>
    ${items.map((item) => row(item, item === selected, assets, isNarrow))}`;
}

function row({ props }: TreeNode, isSelected: boolean, assets: string, isNarrow: boolean): Markup {
  const accessories = Array.isArray(props.accessories) ? (props.accessories as Accessory[]) : [];
  return html`<div class="row ${isSelected ? 'selected' : ''}">
    ${imageOf(props.icon, assets)}<span class="title">${plainText(props.title)}</span>
    ${!isNarrow && html`<span class="subtitle">${plainText(props.subtitle)}</span>`}
    <div class="spring"></div>
    ${accessories.map((accessory) => accessoryOf(accessory, assets))}
  </div>`;
}

interface Accessory {
  readonly text?: unknown;
  readonly tag?: unknown;
  readonly date?: unknown;
  readonly icon?: unknown;
}

function accessoryOf({ text, tag, date, icon }: Accessory, assets: string): Markup {
  const image = imageOf(icon, assets);
  if (tag !== undefined && tag !== null) return tagOf(plainText(tag), colorOf(tag), image);
  const words = plainText(text ?? date);
  const color = cssColor(colorOf(text));
  return html`<span class="accessory" style="${color === undefined ? '' : `color:${color}`}"
    >${image}${words}</span
  >`;
}

function colorOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'color' in value ? value.color : undefined;
}

function itemDetail(detail: TreeNode, assets: string): Markup {
  const markdown = textOf(detail, 'markdown');
  const metadata = slot(detail, 'metadata');
  return html`<div class="detail-pane">
    ${markdown !== '' && html`<article class="small">${markdownHtml(markdown, assets)}</article>`}
    ${metadata !== undefined && html`<div class="facts rows">${metadataView(metadata, assets)}</div>`}
  </div>`;
}

function emptyView(node: TreeNode | undefined, assets: string): Markup {
  return html`<div class="empty">
    ${imageOf(node?.props.icon, assets)}
    <strong>${textOf(node, 'title') || 'No Results'}</strong>
    <span>${textOf(node, 'description')}</span>
  </div>`;
}
