/** For pipes and files: what a user must know goes to stderr, a line each; the text is not shown. */
import { errorLine } from '../view.js';
import { noticeOf, type DictateView } from './view.js';
import type { Levels } from './levels.js';

export function plainDictateView(live: boolean, keys: boolean): DictateView {
  let levels: Levels | undefined;
  let noSignal = false;
  const say = (text: string): void => void process.stderr.write(`sotto: ${text}\n`);
  return {
    begin: (those) => void (levels = those),
    startingDaemon: () => undefined,
    sourceOpened: ({ name }) => {
      if (live) say(`listening to ${name}; ${keys ? 'Enter or Ctrl-C' : 'Ctrl-C'} finishes`);
    },
    heard() {
      const none = levels !== undefined && levels.noSignalSeconds > 0;
      if (live && none && !noSignal) say('no audio: is the microphone muted, or without permission?');
      noSignal = none;
    },
    event(event) {
      const notice = noticeOf(event);
      if (notice !== undefined) say(notice);
    },
    finishing: () => undefined,
    note: say,
    failed: (error) => void process.stderr.write(`${errorLine(error)}\n`),
    close: () => undefined,
    summary: () => undefined,
  };
}
