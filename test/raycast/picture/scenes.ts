/** The pictures: each scene drives a command to the moment that it shows. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Capture, CaptureEvent } from '#daemon/protocol/capture.js';
import { fakeText } from '../fake-text.js';
import { fakeCapture, fakeDictation } from '../fake-capture.js';
import { menuOf } from './desktop-view.js';
import type { Frame } from './frame.js';
import type { Markup } from './markup.js';
import { READING, type SceneEnvironment } from './scene-environment.js';
import { windowOf } from './raycast-window.js';
import type { RunningCommand } from '../running-command.js';
import { find, textOf, walk, type TreeNode } from '../tree.js';

export interface Scene {
  readonly name: string;
  /** Number of the Store's picture. */
  readonly store?: number;
  /** Also drawn for the README. */
  readonly isInReadme?: true;
  draw(environment: SceneEnvironment): Promise<Markup>;
}

/** A moving picture of a README. */
interface Animation {
  readonly name: string;
  readonly draw: (environment: SceneEnvironment) => Promise<readonly AnimationStep[]>;
}

interface AnimationStep {
  readonly content: Markup;
  /** How long it is shown. */
  readonly ms: number;
}

/** The real model on a machine that may be busy. */
const RENDER_TIMEOUT_MS = 180_000;

const DICTATION = 'Hi Anna, thanks for the notes. Could we move Thursday’s review to three?';
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** Loudness of a spoken sentence, in dB below full scale, one value per update. */
const LEVELS_DB = [
  ...[-52, -38, -24, -18, -22, -16, -26, -40, -50, -30, -20, -15, -19, -28],
  ...[-46, -54, -34, -21, -17, -14, -23, -33, -48, -27, -18, -16, -21, -24],
];

/** A dictation on the Mac of the pictures. */
const LISTENING: Partial<Capture> = {
  startedMs: Date.now(),
  device: 'MacBook Pro Microphone',
};
const SESSION = { state: 'listening', language: 'en', model: 'whisper-large-v3-turbo' } as const;

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
      // The view abbreviates the home folder: `~/Recordings`.
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
        // Two files are done, one is running, one is queued.
        const matches = (tree: TreeNode): boolean =>
          /"[1-9]\d%"/.test(JSON.stringify(itemOf(tree, 'Sonnet I')));
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
      const today = new Date().setHours(9, 41, 0, 0);
      environment.addToHistory(
        { text: DICTATION, startedMs: today },
        { text: 'Ship the beta on Monday, and ask ten people to try it.', startedMs: today - 47 * MINUTE_MS },
        {
          text: 'Buy oat milk, lemons, and a birthday card for Sam.',
          startedMs: today - DAY_MS + 492 * MINUTE_MS,
        },
        {
          text: 'The search is fast now. The export still needs a progress bar.',
          startedMs: today - DAY_MS,
          state: 'recovered',
        },
        {
          text: 'Idea for the talk: start with the demo, then explain how it works.',
          startedMs: today - 5 * DAY_MS,
        },
      );
      return windowOf(await frameShowing(environment, 'history', 'birthday'));
    },
  },
  {
    name: 'vocabulary',
    store: 4,
    async draw(environment) {
      await environment.sotto('vocabulary', 'add', 'Kubernetes', 'Grace Hopper', 'Nguyễn', 'Siobhán');
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
    store: 5,
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
      // Loads the model, so that the menu shows it in memory.
      await environment.dictated(['jfk.flac']);
      environment.addToHistory({ text: DICTATION, startedMs: Date.now() });
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

/** Words that a dictation shows as tentative before it commits the first of them. */
const TENTATIVE_WORDS = 3;
const WORD_MS = 320;
const LAST_FRAME_MS = 2_500;

export const ANIMATIONS: readonly Animation[] = [
  {
    name: 'dictate-live',
    draw: async (environment) => {
      let notify: (event: CaptureEvent) => void = () => undefined;
      const capture = await fakeCapture(environment.home.paths.capture, ({ type }, send) => {
        if (type !== 'begin') return;
        notify = send;
        send({ type: 'dictation', dictation: fakeDictation({ ...LISTENING, seconds: 0 }), isNew: true });
      });
      const text = await fakeText(environment.home.paths.socket);
      try {
        const host = await environment.raycast();
        const command = host.launch('dictate');
        await command.untilText('Start speaking', RENDER_TIMEOUT_MS);
        const frames = [{ content: windowOf(environment.frame(host, command)), ms: WORD_MS }];
        for (const [index, { committed, tentative }] of wordByWord(DICTATION).entries()) {
          const db = LEVELS_DB[(3 * index) % LEVELS_DB.length] ?? 0;
          const seconds = ((index + 1) * WORD_MS) / 1000;
          notify({ type: 'change', change: { db, seconds } });
          text.show({ ...SESSION, committed, tentative });
          const shown = tentative === '' ? DICTATION : `*${tentative.trim()}*`;
          await command.until((tree) => textOf(tree, 'markdown').includes(shown), RENDER_TIMEOUT_MS);
          const isLast = tentative === '';
          frames.push({
            content: windowOf(environment.frame(host, command)),
            ms: isLast ? LAST_FRAME_MS : WORD_MS,
          });
        }
        return frames;
      } finally {
        await text.close();
        await capture.close();
      }
    },
  },
];

/** The updates of a text that grows by words, until all of them are committed. */
function wordByWord(text: string): { committed: string; tentative: string }[] {
  const words = text.split(/(?= )/);
  const committedAt = (step: number): number =>
    step === words.length ? words.length : Math.max(0, step + 1 - TENTATIVE_WORDS);
  return Array.from({ length: words.length + 1 }, (_, step) => ({
    committed: words.slice(0, committedAt(step)).join(''),
    tentative: words.slice(committedAt(step), step + 1).join(''),
  }));
}

/** A command as soon as it shows a text. */
async function frameShowing(environment: SceneEnvironment, name: string, text: string): Promise<Frame> {
  const host = await environment.raycast();
  const command = host.launch(name);
  await command.untilText(text, RENDER_TIMEOUT_MS);
  return environment.frame(host, command);
}

/** Dictate with committed and tentative text. Served by a fake capture process: `assets/speech` has only audiobooks. */
async function midDictation(environment: SceneEnvironment): Promise<Frame> {
  const [committed = '', tentative = ''] = DICTATION.split(/(?= Thursday)/);
  const capture = await fakeCapture(environment.home.paths.capture, ({ type }, send) => {
    if (type !== 'begin') return;
    const dictation = fakeDictation({ ...LISTENING, seconds: 6 });
    send({ type: 'dictation', dictation, isNew: true });
    // Slower than the view renders, so that each update draws a bar.
    LEVELS_DB.forEach((db, at) => {
      const seconds = at === LEVELS_DB.length - 1 ? 7 : 6;
      setTimeout(() => send({ type: 'change', change: { db, seconds } }), 100 * (at + 1));
    });
  });
  const text = await fakeText(environment.home.paths.socket);
  text.show({ ...SESSION, committed, tentative });
  try {
    const host = await environment.raycast();
    const command = host.launch('dictate');
    await command.untilText('0:07', RENDER_TIMEOUT_MS);
    return environment.frame(host, command);
  } finally {
    await text.close();
    await capture.close();
  }
}

function treeOf({ tree, name }: RunningCommand): TreeNode {
  if (tree === undefined) throw new Error(`${name} shows nothing`);
  return tree;
}

function itemOf(tree: TreeNode, title: string): TreeNode | undefined {
  return find(tree, ({ type, props }) => type === 'List.Item' && String(props.title).startsWith(title));
}
