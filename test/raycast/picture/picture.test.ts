import { afterAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testUnless } from '#test/harness/skipping.js';
import { menuOf } from './desktop-view.js';
import { agoOf, type Frame } from './frame.js';
import { cssColor, imageOf } from './image.js';
import { keysOf } from './shortcut-keys.js';
import { markdownHtml } from './markdown-html.js';
import { html } from './markup.js';
import { Painter } from './painter.js';
import { windowOf } from './raycast-window.js';
import type { TreeNode } from '../tree.js';

let lastId = 0;
function node(type: string, props: Record<string, unknown> = {}, ...children: TreeNode[]): TreeNode {
  return { id: ++lastId, type, props, children };
}

const assets = '/nowhere';
const actions = node(
  'slot',
  { name: 'actions' },
  node(
    'ActionPanel',
    {},
    node('Action', { title: 'Paste' }),
    node('Action', {
      title: 'Delete',
      style: 'destructive',
      shortcut: { modifiers: ['cmd', 'ctrl'], key: 'x' },
    }),
  ),
);

function drawn(tree: TreeNode, more: Partial<Frame> = {}): string {
  return windowOf({ tree, title: 'Dictate', assets, icon: 'icon.png', ...more }).text.replaceAll(/\s+/g, ' ');
}

describe('picture of a command', () => {
  test('shows the text, its metadata, and the primary action', () => {
    const facts = node(
      'slot',
      { name: 'metadata' },
      node('Detail.Metadata', {}, node('Detail.Metadata.Label', { title: 'Model', text: 'base' })),
    );
    const page = drawn(
      node('Detail', { markdown: 'plain *maybe*', navigationTitle: 'Dictate · Listening' }, facts, actions),
    );
    expect(page).toContain('plain <em>maybe</em>');
    expect(page).toContain('<dt>Model</dt>');
    expect(page).toContain('Dictate · Listening');
    expect(page).toContain('<span class="primary">Paste</span><span class="keys"><kbd>↵</kbd>');
    expect(page).not.toContain('Delete');
  });

  test('shows all actions with their shortcuts in the open panel', () => {
    const page = drawn(node('Detail', { markdown: '' }, actions), { isPanelOpen: true });
    expect(page).toContain('<span>Delete</span>');
    expect(page).toContain('<kbd>⌃</kbd><kbd>⌘</kbd><kbd>X</kbd>');
    expect(page).toContain('destructive');
  });

  test('shows a list with the detail of the selected item', () => {
    const item = (title: string): TreeNode =>
      node(
        'List.Item',
        { title, accessories: [{ tag: { value: 'failed', color: 'raycast-red' } }, { text: '0:11' }] },
        node('slot', { name: 'detail' }, node('List.Item.Detail', { markdown: `all of ${title}` })),
      );
    const list = node(
      'List',
      { isShowingDetail: true, searchBarPlaceholder: 'Search your dictations' },
      node('List.Section', { title: 'Today' }, item('first'), item('second')),
    );
    const page = drawn(list, { selected: 'second' });
    expect(page).toContain('Search your dictations');
    expect(page).toContain('<h4>Today');
    expect(page).toContain('all of second');
    expect(page).not.toContain('all of first');
    expect(page.match(/row selected/g)).toHaveLength(1);
  });

  test('shows the empty view of an empty list', () => {
    const page = drawn(
      node('List', {}, node('List.EmptyView', { title: 'Nothing Yet', description: 'Dictate first' })),
    );
    expect(page).toContain('<strong>Nothing Yet</strong>');
  });

  test('shows typed values of a form, or else placeholders', () => {
    const form = node(
      'Form',
      {},
      node('Form.TextField', { id: 'from', title: 'Replace', placeholder: 'sean' }),
      node('Form.TextField', { id: 'to', title: 'Written', placeholder: 'Shaun' }),
    );
    const page = drawn(form, { typed: { from: 'kubernetis' } });
    expect(page).toContain('kubernetis');
    expect(page).toContain('<span class="quiet">Shaun</span>');
  });

  test('shows enabled and disabled menu items', () => {
    const menu = node(
      'MenuBarExtra',
      { icon: 'microphone-16' },
      node('MenuBarExtra.Section', {}, node('MenuBarExtra.Item', { title: 'Ready' })),
      node('MenuBarExtra.Section', {}, node('MenuBarExtra.Item', { title: 'Start', onAction: 'ƒ' })),
    );
    const page = menuOf(menu, assets).text;
    expect(page.match(/item off/g)).toHaveLength(1);
    expect(page).toContain('<hr />');
  });

  test('refuses a component that it cannot draw', () => {
    expect(() => drawn(node('Grid'))).toThrow('Grid');
  });

  test('escapes hostile text', () => {
    const hostile = '<script>alert(1)</script>"';
    expect(html`<p title="${hostile}">${hostile}</p>`.text).not.toContain('<script>');
    expect(markdownHtml(hostile, assets).text).not.toContain('<script>');
    expect(cssColor('red" onload="x')).toBeUndefined();
  });
});

describe('Markdown in a picture', () => {
  const shown = (text: string): string => markdownHtml(text, assets).text;

  test('renders emphasis, code, quotes and breaks', () => {
    expect(shown('final *and draft*')).toBe('<p>final <em>and draft</em></p>');
    expect(shown('**a** ~~b~~ `c*d*`')).toBe('<p><strong>a</strong> <del>b</del> <code>c*d*</code></p>');
    expect(shown('> careful  \nnow')).toContain('<blockquote><p>careful');
    expect(shown('one  \ntwo\nthree')).toBe('<p>one<br>two three</p>');
  });

  test('keeps escaped characters', () => {
    expect(shown('2 \\* 3 \\* 4')).toBe('<p>2 * 3 * 4</p>');
    expect(shown('\\# no heading')).toBe('<p># no heading</p>');
  });

  test('renders headings, lists, tables and code', () => {
    expect(shown('## Two')).toBe('<h2>Two</h2>');
    expect(shown('- a\n- b')).toBe('<ul><li>a</li><li>b</li></ul>');
    expect(shown('1. a\n2. b')).toBe('<ol><li>a</li><li>b</li></ol>');
    expect(shown('| a | b |\n|---|---|\n| 1 | 2 |')).toContain('<tr><th>a</th><th>b</th></tr><tr><td>1</td>');
    expect(shown('```\nx < y\n```')).toBe('<pre>x &lt; y</pre>');
  });
});

describe('shortcuts, dates and icons', () => {
  test('writes shortcuts as a Mac does', () => {
    expect(keysOf({ modifiers: ['cmd', 'shift'], key: 'p' })).toEqual(['⇧', '⌘', 'P']);
    expect(keysOf({ common: 'Copy' })).toEqual(['⇧', '⌘', 'C']);
    expect(keysOf({ modifiers: ['cmd'], key: 'backspace' })).toEqual(['⌘', '⌫']);
    expect(keysOf(undefined)).toEqual([]);
  });

  test('shows dates as relative times', () => {
    const now = Date.now();
    const ago = (minutes: number): string => agoOf(new Date(now - minutes * 60_000), now);
    expect([ago(0), ago(5), ago(130), ago(60 * 24 * 2), ago(60 * 24 * 21)]).toEqual([
      'now',
      '5m',
      '2h',
      '2d',
      '3w',
    ]);
  });

  test('colors icons, and picks the icon of a file type', () => {
    expect(imageOf({ source: 'check-16', tintColor: 'raycast-green' }, assets)?.text).toContain('color:#');
    expect(imageOf({ fileIcon: '/talks/a.m4a' }, assets)?.text).toContain('<svg');
    expect(imageOf(undefined, assets)).toBeUndefined();
  });
});

const painter = await Painter.start();
const noPainter = typeof painter === 'string' ? painter : undefined;
afterAll(async () => {
  if (typeof painter !== 'string') await painter.close();
});

testUnless(noPainter)('paints 2000 × 1250 pixels that are not empty', async () => {
  if (typeof painter === 'string') throw new Error(painter);
  const folder = mkdtempSync(join(tmpdir(), 'picture-'));
  try {
    const path = join(folder, 'a.png');
    const tree = node('Detail', { markdown: '# Hello' });
    await painter.paint(windowOf({ tree, title: 'Dictate', assets, icon: 'icon.png' }), path);
    const bytes = readFileSync(path);
    expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([2000, 1250]);
    expect(bytes.length).toBeGreaterThan(20_000);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
