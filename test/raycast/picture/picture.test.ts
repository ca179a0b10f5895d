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

describe('a picture of a command', () => {
  test('shows a text, its facts, and what the return key does', () => {
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

  test('shows all actions with their keys when the panel is open', () => {
    const page = drawn(node('Detail', { markdown: '' }, actions), { isPanelOpen: true });
    expect(page).toContain('<span>Delete</span>');
    expect(page).toContain('<kbd>⌃</kbd><kbd>⌘</kbd><kbd>X</kbd>');
    expect(page).toContain('destructive');
  });

  test('shows a list with the detail of the item that is selected', () => {
    const item = (title: string): TreeNode =>
      node(
        'List.Item',
        { title, accessories: [{ tag: { value: 'failed', color: 'raycast-red' } }, { text: '0:11' }] },
        node('slot', { name: 'detail' }, node('List.Item.Detail', { markdown: `all of ${title}` })),
      );
    const list = node(
      'List',
      { isShowingDetail: true, searchBarPlaceholder: 'Search what you said' },
      node('List.Section', { title: 'Today' }, item('first'), item('second')),
    );
    const page = drawn(list, { selected: 'second' });
    expect(page).toContain('Search what you said');
    expect(page).toContain('<h4>Today');
    expect(page).toContain('all of second');
    expect(page).not.toContain('all of first');
    expect(page.match(/row selected/g)).toHaveLength(1);
  });

  test('shows an empty list as its empty view', () => {
    const page = drawn(
      node('List', {}, node('List.EmptyView', { title: 'Nothing Yet', description: 'Dictate first' })),
    );
    expect(page).toContain('<strong>Nothing Yet</strong>');
  });

  test('shows what was typed into a form, or else what is to be typed', () => {
    const form = node(
      'Form',
      {},
      node('Form.TextField', { id: 'from', title: 'Heard', placeholder: 'sean' }),
      node('Form.TextField', { id: 'to', title: 'Written', placeholder: 'Shaun' }),
    );
    const page = drawn(form, { typed: { from: 'kubernetis' } });
    expect(page).toContain('kubernetis');
    expect(page).toContain('<span class="quiet">Shaun</span>');
  });

  test('shows a menu with what can be chosen in it and what cannot', () => {
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

  test('refuses a screen that nobody has drawn yet', () => {
    expect(() => drawn(node('Grid'))).toThrow('Grid');
  });

  test('lets no text out of its place', () => {
    const hostile = '<script>alert(1)</script>"';
    expect(html`<p title="${hostile}">${hostile}</p>`.text).not.toContain('<script>');
    expect(markdownHtml(hostile, assets).text).not.toContain('<script>');
    expect(cssColor('red" onload="x')).toBeUndefined();
  });
});

describe('Markdown in a picture', () => {
  const shown = (text: string): string => markdownHtml(text, assets).text;

  test('knows emphasis, code, quotes and breaks', () => {
    expect(shown('said *and maybe*')).toBe('<p>said <em>and maybe</em></p>');
    expect(shown('**a** ~~b~~ `c*d*`')).toBe('<p><strong>a</strong> <del>b</del> <code>c*d*</code></p>');
    expect(shown('> careful  \nnow')).toContain('<blockquote><p>careful');
    expect(shown('one  \ntwo\nthree')).toBe('<p>one<br>two three</p>');
  });

  test('leaves alone what a backslash protects', () => {
    expect(shown('2 \\* 3 \\* 4')).toBe('<p>2 * 3 * 4</p>');
    expect(shown('\\# no heading')).toBe('<p># no heading</p>');
  });

  test('knows headings, lists, tables and code', () => {
    expect(shown('## Two')).toBe('<h2>Two</h2>');
    expect(shown('- a\n- b')).toBe('<ul><li>a</li><li>b</li></ul>');
    expect(shown('1. a\n2. b')).toBe('<ol><li>a</li><li>b</li></ol>');
    expect(shown('| a | b |\n|---|---|\n| 1 | 2 |')).toContain('<tr><th>a</th><th>b</th></tr><tr><td>1</td>');
    expect(shown('```\nx < y\n```')).toBe('<pre>x &lt; y</pre>');
  });
});

describe('what stands beside a text', () => {
  test('shortcuts are written as on a Mac', () => {
    expect(keysOf({ modifiers: ['cmd', 'shift'], key: 'p' })).toEqual(['⇧', '⌘', 'P']);
    expect(keysOf({ common: 'Copy' })).toEqual(['⇧', '⌘', 'C']);
    expect(keysOf({ modifiers: ['cmd'], key: 'backspace' })).toEqual(['⌘', '⌫']);
    expect(keysOf(undefined)).toEqual([]);
  });

  test('dates are as long ago as they are', () => {
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

  test('icons have their colour, and a file the icon of its kind', () => {
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

testUnless(noPainter)(
  'a picture has the 2000 × 1250 pixels that the Store takes, and is not empty',
  async () => {
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
  },
);
