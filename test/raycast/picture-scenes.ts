/** What the pictures show: each drives a command to a moment worth seeing. */
import { html, type Markup } from './picture-markup.js';
import { noteOf } from './picture-desktop.js';
import type { Stage } from './picture-stage.js';
import { windowOf } from './picture-window.js';
import { textOf } from './tree.js';

export interface Scene {
  readonly name: string;
  /** Where it goes: the Store shows these in their order; others are for the READMEs. */
  readonly store?: number;
  take(stage: Stage): Promise<Markup>;
}

/** Words that are said for good, and behind them some that may still change. */
const HALF_SAID = /country can do[^*]*\*[^*]{8,}\*/;

export const SCENES: readonly Scene[] = [
  {
    name: 'dictate',
    store: 1,
    async take(stage) {
      const host = await stage.raycast();
      const command = host.launch('dictate');
      await command.until((tree) => HALF_SAID.test(textOf(tree, 'markdown')), 120_000);
      return windowOf(stage.frame(host, command));
    },
  },
  {
    name: 'dictate-actions',
    async take(stage) {
      const host = await stage.raycast();
      const command = host.launch('dictate');
      await command.until((tree) => HALF_SAID.test(textOf(tree, 'markdown')), 120_000);
      return windowOf(stage.frame(host, command, { isPanelOpen: true }));
    },
  },
  {
    name: 'quick-dictate',
    async take(stage) {
      const host = await stage.raycast();
      await host.launch('quick-dictate').done();
      const watching = host.launch('dictate');
      await watching.until((tree) => /do for your country/.test(textOf(tree, 'markdown')), 120_000);
      await host.launch('quick-dictate').done();
      const hud = String(host.desktop.did('hud').at(-1));
      const paragraphs = ['For the opening, something short and to the point:', host.desktop.pasted];
      return html`${noteOf({ title: 'Inaugural Address', paragraphs, hud, icon: stage.icon, assets: stage.assets })}`;
    },
  },
];
