/** Draws a Form: labels on the left, fields on the right. */
import { childNodes, plainText, type Frame } from './frame.js';
import { imageOf } from './image.js';
import { html, type Markup, type Part } from './markup.js';
import { textOf, walk, type TreeNode } from '../tree.js';

export function formBody(frame: Frame): Markup {
  let isFocused = false;
  const rows = childNodes(frame.tree).map((node) => {
    const isFirst = !isFocused && isField(node);
    isFocused ||= isFirst;
    return fieldRow(node, frame, isFirst);
  });
  return html`<div class="form">${rows}</div>`;
}

function isField({ type }: TreeNode): boolean {
  return /^Form\.(?!Description|Separator)\w+$/.test(type);
}

function fieldRow(node: TreeNode, frame: Frame, isFocused: boolean): Part {
  if (node.type === 'Form.Separator') return html`<hr />`;
  const error = textOf(node, 'error');
  return html`<label>${textOf(node, 'title')}</label>
    <div class="field ${isFocused ? 'focused' : ''} ${error === '' ? '' : 'wrong'}">
      ${field(node, frame)}${error !== '' && html`<em>${error}</em>`}
    </div>`;
}

function field(node: TreeNode, { typed, assets }: Frame): Part {
  const { id, value, defaultValue } = node.props;
  const now = (typeof id === 'string' ? typed?.[id] : undefined) ?? value ?? defaultValue;
  switch (node.type) {
    case 'Form.Description':
      return html`<p>${textOf(node, 'text')}</p>`;
    case 'Form.Checkbox':
      return html`<span class="box ${now === true ? 'checked' : ''}">${now === true && '✓'}</span
        ><span>${textOf(node, 'label')}</span>`;
    case 'Form.Dropdown': {
      const items = itemsOf(node);
      const chosen = items.find(({ props }) => props.value === now) ?? items[0];
      return html`<div class="input">
        ${imageOf(chosen?.props.icon, assets)}<span>${textOf(chosen, 'title')}</span><b>⌄</b>
      </div>`;
    }
    case 'Form.TagPicker': {
      const chosen = itemsOf(node).filter(({ props }) => Array.isArray(now) && now.includes(props.value));
      return input(
        chosen.map((item) => html`<span class="tag">${textOf(item, 'title')}</span>`),
        node,
      );
    }
    case 'Form.FilePicker': {
      const paths = Array.isArray(now) ? now.map(String) : [];
      const names = paths.map(
        (path) => html`<span class="tag">${path.slice(path.lastIndexOf('/') + 1)}</span>`,
      );
      return names.length > 0 ? input(names, node) : html`<div class="input button">Select File…</div>`;
    }
    case 'Form.TextArea':
      return html`<div class="input tall">${plainText(now) || placeholder(node)}</div>`;
    case 'Form.PasswordField':
      return html`<div class="input">${'•'.repeat(plainText(now).length)}</div>`;
    case 'Form.TextField':
    case 'Form.DatePicker':
      return html`<div class="input">${plainText(now) || placeholder(node)}</div>`;
    default:
      throw new Error(`a picture can't show ${node.type}`);
  }
}

function itemsOf(node: TreeNode): TreeNode[] {
  return [...walk(node)].filter(({ type }) => type.endsWith('.Item'));
}

function input(parts: readonly Markup[], node: TreeNode): Markup {
  return html`<div class="input">${parts.length > 0 ? parts : placeholder(node)}</div>`;
}

function placeholder(node: TreeNode): Markup {
  return html`<span class="quiet">${textOf(node, 'placeholder')}</span>`;
}
