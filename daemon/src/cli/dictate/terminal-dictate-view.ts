/**
 * The view for terminals: committed text in plain letters and tentative text dim, above a line with the time, a
 * meter and the state. It is redrawn in place and removed at the end, when the final text replaces it.
 */
import type { WriteStream } from 'node:tty';
import type { DictationEvent } from '../../client/index.js';
import type { SessionState } from '../../protocol/live.js';
import { LiveArea } from '../terminal/live-area.js';
import { styleFor, wantsColor } from '../terminal/style.js';
import { TextFlow } from '../terminal/text-flow.js';
import { errorLine } from '../transcribe/transcribe-view.js';
import type { LevelMeter } from './level-meter.js';
import { stateLine, type DictateState } from './state-line.js';
import { noticeOf, type DictateView } from './dictate-view.js';

/** Rows to leave for earlier output. */
const ROWS_ABOVE = 4;

export function terminalDictateView(stream: WriteStream, isLive: boolean, keys: boolean): DictateView {
  const style = styleFor(wantsColor(stream));
  let levels: LevelMeter | undefined;
  const text = new TextFlow();
  const beganMs = performance.now();
  let source: DictateState['source'] = 'opening';
  let daemon: DictateState['daemon'] = 'looking';
  let engine: SessionState | undefined;
  let speaking = false;
  let name = '';
  let overMs: number | undefined;
  let totalSeconds: number | undefined;
  let decodeIntervalSeconds: number | undefined;

  const area = new LiveArea(stream, (columns) => {
    const maxRows = Math.max(1, (stream.rows || 24) - ROWS_ABOVE);
    const lines = text
      .lines(columns, maxRows)
      .map(({ committed, tentative }) => `${committed}${style.dim(tentative)}`);
    const state: DictateState = {
      isLive,
      name,
      source,
      daemon,
      engine,
      speaking,
      seconds: levels?.seconds ?? 0,
      totalSeconds,
      noSignalSeconds: levels?.noSignalSeconds ?? 0,
      meter: levels?.meter() ?? '',
      decodeIntervalSeconds,
      keys,
      elapsedMs: performance.now() - beganMs,
      finishingMs: overMs === undefined ? 0 : performance.now() - overMs,
    };
    return [...lines, ...(lines.length > 0 ? [''] : []), stateLine(state, columns, style)];
  });
  const print = (line: string): void => area.above(() => void stream.write(`${line}\n`));

  const applyEvent = (event: DictationEvent): void => {
    switch (event.type) {
      case 'opened':
        daemon = 'connected';
        return;
      case 'connection':
        daemon = event.state === 'lost' ? 'lost' : 'connected';
        return;
      case 'state':
        engine = event.state;
        return;
      case 'committed':
        text.append(event.text);
        return;
      case 'tentative':
        text.setTentative(event.text);
        return;
      case 'voice':
        speaking = event.speaking;
        return;
      case 'decode-interval':
        decodeIntervalSeconds = event.intervalSeconds;
        return;
      case 'language':
      case 'level':
      case 'warning':
      case 'final':
      case 'cancelled':
      case 'failed':
        return;
    }
  };

  return {
    begin(meter) {
      levels = meter;
      area.open();
    },
    startingDaemon: () => void (daemon = 'starting'),
    sourceOpened(opened) {
      source = 'open';
      name = opened.name;
      totalSeconds = opened.durationSeconds;
    },
    levelsChanged: () => undefined,
    event(event) {
      applyEvent(event);
      // Transient states are in the state line.
      const isShown = event.type === 'warning' || event.type === 'opened';
      const notice = isShown ? noticeOf(event) : undefined;
      if (notice !== undefined) print(style.dim(notice));
    },
    finishing() {
      source = 'over';
      overMs = performance.now();
    },
    note: (line) => print(style.dim(line)),
    failed(error) {
      area.close();
      stream.write(`${style.red(errorLine(error))}\n`);
    },
    close: () => area.close(),
    summary: (facts) => void stream.write(`${style.dim(facts.join(' · '))}\n`),
  };
}
