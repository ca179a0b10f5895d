/**
 * For terminals: finished text scrolls; below it tentative words (dim) and a progress line are redrawn in place. The
 * live part is on stderr, so that it shows even if stdout goes to a file.
 */
import type { WriteStream } from 'node:tty';
import { defined } from '../../protocol/defined.js';
import type { JobEvent } from '../../protocol/messages.js';
import { fitEnd } from '../terminal/columns.js';
import { LiveArea } from '../terminal/live-area.js';
import { clock, formatSpeed } from '../../format-duration.js';
import { progressLine } from '../terminal/progress-line.js';
import { styleFor, wantsColor } from '../terminal/style.js';
import { wrapForStdout } from '../terminal/text-flow.js';
import type { Transcript } from '../../writers/index.js';
import { errorLine, fileWaitText, type TranscribeView } from './transcribe-view.js';

interface TerminalViewOptions {
  /** Whether stdout is a terminal, too; then tentative words are shown. */
  readonly showText: boolean;
  /** Print file names above their texts. */
  readonly headers: boolean;
  /** Wrap texts at words if stdout is a terminal. */
  readonly wrap: boolean;
}

export function terminalTranscribeView(
  stream: WriteStream,
  { showText, headers, wrap }: TerminalViewOptions,
): TranscribeView {
  const style = styleFor(wantsColor(stream));
  const heading = styleFor(wantsColor(process.stdout));
  let file = '';
  let tentative = '';
  let waiting: string | undefined;
  let doneSeconds = 0;
  let totalSeconds: number | undefined;
  let beganMs = performance.now();
  let files = 0;

  const area = new LiveArea(stream, (columns) => {
    const elapsedSeconds = (performance.now() - beganMs) / 1000;
    const words = tentative.replace(/\s+/g, ' ').trim();
    return [
      ...(showText && words !== '' ? [style.dim(fitEnd(words, columns))] : []),
      progressLine({ doneSeconds, elapsedSeconds, ...defined({ totalSeconds, waiting }) }, columns, style),
    ];
  });

  const printLine = (text: string): void => area.above(() => void stream.write(text));

  return {
    begin(name) {
      file = name;
      tentative = '';
      waiting = 'opening';
      doneSeconds = 0;
      totalSeconds = undefined;
      beganMs = performance.now();
      if (headers) {
        const gap = files > 0 ? '\n' : '';
        area.above(() => void (showText ? process.stdout : stream).write(`${gap}${heading.bold(name)}\n`));
      }
      files += 1;
      area.open();
    },
    waiting(what) {
      waiting = what;
      area.open();
    },
    event(event: JobEvent) {
      switch (event.type) {
        case 'waiting':
          waiting = waitingText(event);
          return;
        case 'started':
          if (event.attempt > 1) printLine(`${style.dim('speech engine restarted, continuing')}\n`);
          totalSeconds = event.durationSeconds ?? totalSeconds;
          if (waiting === 'opening') waiting = undefined;
          return;
        case 'language':
        case 'text':
        case 'progress':
        case 'segment':
          // The speed excludes the wait for the model.
          if (waiting !== undefined) {
            waiting = undefined;
            beganMs = performance.now();
          }
          if (event.type === 'text') tentative = event.text;
          if (event.type === 'segment') tentative = '';
          if (event.type === 'progress') doneSeconds = event.seconds;
          return;
        case 'final':
          return;
      }
    },
    put: (text) => area.above(() => void process.stdout.write(wrap ? wrapForStdout(text) : text)),
    done({ segments, summary }: Transcript, writtenTo) {
      area.close();
      const { durationSeconds, timings, language } = summary;
      const speed = timings.total > 0 ? `${formatSpeed(durationSeconds / timings.total)} real time` : '';
      const facts = [`${clock(durationSeconds)} of audio in ${timings.total.toFixed(1)} s`, speed, language];
      const what = writtenTo === undefined ? '' : `${file} → ${writtenTo}  `;
      const empty = segments.length === 0 ? 'no speech found · ' : '';
      stream.write(`${what}${style.dim(`${empty}${facts.filter((fact) => fact !== '').join(' · ')}`)}\n`);
    },
    failed(name, error) {
      area.close();
      stream.write(`${style.red(errorLine(error, name))}\n`);
    },
    note: (text) => printLine(`${style.dim(text)}\n`),
    close: () => area.close(),
  };
}

function waitingText(event: Extract<JobEvent, { type: 'waiting' }>): string {
  switch (event.for) {
    case 'queue':
      return event.position === undefined || event.position <= 1
        ? 'next in queue'
        : `${ordinal(event.position)} in queue`;
    case 'engine':
      return 'starting the speech engine…';
    case 'model':
      return 'loading model…';
    case 'file':
      return fileWaitText(event);
  }
}

/** `2nd`, `13th`, `21st`. */
function ordinal(n: number): string {
  const ending = { one: 'st', two: 'nd', few: 'rd', other: 'th', zero: 'th', many: 'th' };
  return `${n}${ending[new Intl.PluralRules('en', { type: 'ordinal' }).select(n)]}`;
}
