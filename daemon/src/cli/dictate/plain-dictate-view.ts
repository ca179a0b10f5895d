/** The view for pipes and files: messages go to stderr, one per line; the text isn't shown. */
import { errorLine } from '../transcribe/transcribe-view.js';
import { noticeOf, type DictateView } from './dictate-view.js';
import type { LevelMeter } from '../../capture/level-meter.js';

export function plainDictateView(isLive: boolean, keys: boolean): DictateView {
  let levels: LevelMeter | undefined;
  let noSignal = false;
  const print = (text: string): void => void process.stderr.write(`sotto: ${text}\n`);
  return {
    begin: (meter) => void (levels = meter),
    startingDaemon: () => undefined,
    sourceOpened: ({ name }) => {
      if (isLive) print(`listening to ${name}; ${keys ? 'Enter or Ctrl-C' : 'Ctrl-C'} finishes`);
    },
    levelsChanged() {
      const none = levels !== undefined && levels.noSignalSeconds > 0;
      if (isLive && none && !noSignal) print('no audio: is the microphone muted, or is permission missing?');
      noSignal = none;
    },
    event(event) {
      const notice = noticeOf(event);
      if (notice !== undefined) print(notice);
    },
    finishing: () => undefined,
    note: print,
    failed: (error) => void process.stderr.write(`${errorLine(error)}\n`),
    close: () => undefined,
    summary: () => undefined,
  };
}
