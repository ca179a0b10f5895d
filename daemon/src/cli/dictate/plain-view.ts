/** For pipes and files: what a user must know goes to stderr, a line each; the text is not shown. */
import { errorLine } from '../view.js';
import { noticeOf, type DictateView } from './view.js';
import { Levels } from './levels.js';

export function plainDictateView(live: boolean, keys: boolean): DictateView {
  const levels = new Levels();
  let noSignal = false;
  const say = (text: string): void => void process.stderr.write(`sotto: ${text}\n`);
  return {
    begin: () => undefined,
    startingDaemon: () => undefined,
    sourceOpened: ({ name }) => {
      if (live) say(`listening to ${name}; ${keys ? 'Enter or Ctrl-C' : 'Ctrl-C'} finishes`);
    },
    pcm(samples) {
      if (!live) return;
      levels.push(samples);
      const none = levels.noSignalSeconds > 0;
      if (none && !noSignal) say('no signal: is the microphone muted, or not allowed?');
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
