/** Raycast's window with a command in it, as a page. */
import { find, slot, textOf, type TreeNode } from '../tree.js';
import { actionBar, actionPanel, panelOf } from './action-bar.js';
import { metadataView } from './metadata-view.js';
import { formBody } from './form-view.js';
import type { Frame } from './frame.js';
import { iconNamed } from './icons.js';
import { listBody, searchBar, selectedItem } from './list-view.js';
import { markdownHtml } from './markdown-html.js';
import { html, type Markup } from './markup.js';

/** @throws Error for a component that it cannot draw */
export function windowOf(frame: Frame): Markup {
  const { tree } = frame;
  const isList = tree.type === 'List';
  const panel = panelOf(tree, isList ? selectedItem(frame) : undefined);
  return html`<div class="window">
    <header class="${tree.props.isLoading === true ? 'loading' : ''}">
      <span class="back">${iconNamed('arrow-left-16')}</span>${isList && searchBar(frame)}
    </header>
    <main>${bodyOf(frame)}</main>
    ${actionBar(frame, panel)}
    ${frame.isPanelOpen === true && panel !== undefined && actionPanel(panel, frame)}
  </div>`;
}

function bodyOf(frame: Frame): Markup {
  switch (frame.tree.type) {
    case 'List':
      return listBody(frame);
    case 'Detail':
      return detailBody(frame.tree, frame.assets);
    case 'Form':
      return formBody(frame);
    default:
      throw new Error(`a picture can't show ${frame.tree.type}`);
  }
}

function detailBody(tree: TreeNode, assets: string): Markup {
  const metadata = find(slot(tree, 'metadata'), 'Detail.Metadata');
  return html`<article>${markdownHtml(textOf(tree, 'markdown'), assets)}</article>
    ${metadata !== undefined && html`<div class="facts">${metadataView(metadata, assets)}</div>`}`;
}
