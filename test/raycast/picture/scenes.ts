/** What the pictures show: each drives a command to a moment worth seeing. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { menuOf, noteOf } from './desktop-view.js';
import type { Frame } from './frame.js';
import type { Markup } from './markup.js';
import { READING, type SceneEnvironment } from './scene-environment.js';
import { windowOf } from './raycast-window.js';
import type { RunningCommand } from '../running-command.js';
import { find, textOf, walk, type TreeNode } from '../tree.js';

export interface Scene {
  readonly name: string;
  /** Its place among the Store's pictures. */
  readonly store?: number;
  /** Whether a README shows it. */
  readonly isInReadme?: true;
  draw(environment: SceneEnvironment): Promise<Markup>;
}

/** The real model on a machine that may be busy. */
const RENDER_TIMEOUT_MS = 180_000;

export const SCENES: readonly Scene[] = [
  {
    name: 'dictate',
    store: 1,
    isInReadme: true,
    async draw(environment) {
      return windowOf(await midDictation(environment));
    },
  },
  {
    name: 'transcribe-file',
    store: 2,
    isInReadme: true,
    async draw(environment) {
      const { HOME = '' } = process.env;
      const folder = join(environment.home.folder, 'Recordings');
      const inFolder = (name: string): string => join(folder, name);
      mkdirSync(folder);
      // A folder is named as people name it, from their own: `~/Recordings`.
      process.env.HOME = environment.home.folder;
      try {
        copyFileSync(environment.clip('jfk.flac'), inFolder('Inaugural Address.flac'));
        await environment.record([...READING, 'austen-0890.flac'], inFolder('Chapter One.wav'));
        copyFileSync(environment.clip('sonnet1.mp3'), inFolder('Sonnet I.mp3'));
        copyFileSync(environment.clip('es-librivox-notice.flac'), inFolder('Aviso.flac'));
        const host = await environment.raycast();
        const names = ['Inaugural Address.flac', 'Chapter One.wav', 'Sonnet I.mp3', 'Aviso.flac'];
        host.desktop.showFinder(...names.map(inFolder));
        const command = host.launch('transcribe-file');
        // Two are done, one is under way, one waits.
        const matches = (tree: TreeNode): boolean =>
          /"[1-9]\d %"/.test(JSON.stringify(itemOf(tree, 'Sonnet I')));
        const tree = await command.until(matches, RENDER_TIMEOUT_MS);
        return windowOf(environment.frame(host, command, { tree, selected: 'Chapter One.wav' }));
      } finally {
        process.env.HOME = HOME;
      }
    },
  },
  {
    name: 'history',
    store: 3,
    async draw(environment) {
      await environment.dictated(['es-librivox-notice.flac'], ['austen-0930.flac'], ['jfk.flac'], READING);
      return windowOf(await frameShowing(environment, 'history', 'Dashwood'));
    },
  },
  {
    name: 'quick-dictate',
    store: 4,
    async draw(environment) {
      const host = await environment.raycast();
      await host.launch('quick-dictate').done(RENDER_TIMEOUT_MS);
      const watching = host.launch('dictate');
      await watching.until((tree) => /amiable himself/.test(textOf(tree, 'markdown')), RENDER_TIMEOUT_MS);
      await host.launch('quick-dictate').done(RENDER_TIMEOUT_MS);
      const paragraphs = ['What Austen says of him, in her own words:', host.desktop.pasted];
      const hud = String(host.desktop.callsTo('hud').at(-1));
      return noteOf({
        title: 'John Dashwood',
        paragraphs,
        hud,
        icon: environment.icon,
        assets: environment.assets,
      });
    },
  },
  {
    name: 'vocabulary',
    store: 5,
    async draw(environment) {
      await environment.sotto('vocabulary', 'add', 'Kubernetes', 'Grace Hopper', 'Nguyễn', 'Dashwood');
      const replacements = [
        ['sean', 'Shaun'],
        ['new line', '\\n'],
        ['my address', '12 Analytical Row, London'],
      ] as const;
      for (const [from, to] of replacements) await environment.sotto('vocabulary', 'replace', from, to);
      return windowOf(await frameShowing(environment, 'vocabulary', 'Analytical'));
    },
  },
  {
    name: 'models',
    store: 6,
    async draw(environment) {
      await environment.dictated(['jfk.flac']);
      const host = await environment.raycast();
      const command = host.launch('models');
      await command.until(
        (tree) => [...walk(tree)].filter(({ type }) => type === 'List.Item').length > 3,
        RENDER_TIMEOUT_MS,
      );
      return windowOf(environment.frame(host, command));
    },
  },
  {
    name: 'dictate-actions',
    isInReadme: true,
    async draw(environment) {
      return windowOf({ ...(await midDictation(environment)), isPanelOpen: true });
    },
  },
  {
    name: 'menu-bar',
    isInReadme: true,
    async draw(environment) {
      await environment.dictated(READING);
      const host = await environment.raycast();
      const command = host.launch('menu-bar', { isMenuOpen: true });
      await command.until(
        (tree) => tree.props.isLoading !== true && tree.children.length > 0,
        RENDER_TIMEOUT_MS,
      );
      return menuOf(treeOf(command), environment.assets);
    },
  },
];

/** A command as soon as a text is on its screen. */
async function frameShowing(environment: SceneEnvironment, name: string, text: string): Promise<Frame> {
  const host = await environment.raycast();
  const command = host.launch(name);
  await command.untilText(text, RENDER_TIMEOUT_MS);
  return environment.frame(host, command);
}

/** Dictate, with some words that are said for good and some behind them that may still change. */
async function midDictation(environment: SceneEnvironment): Promise<Frame> {
  const host = await environment.raycast();
  const command = host.launch('dictate');
  const matches = (tree: TreeNode): boolean =>
    /respectable than he was.*\*[^*]{8,}\*$/s.test(textOf(tree, 'markdown'));
  const tree = await command.until(matches, RENDER_TIMEOUT_MS);
  return environment.frame(host, command, { tree });
}

function treeOf({ tree, name }: RunningCommand): TreeNode {
  if (tree === undefined) throw new Error(`${name} shows nothing`);
  return tree;
}

function itemOf(tree: TreeNode, title: string): TreeNode | undefined {
  return find(tree, ({ type, props }) => type === 'List.Item' && String(props.title).startsWith(title));
}
