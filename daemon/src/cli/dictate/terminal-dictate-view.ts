/**
 * The view for terminals: committed text in plain letters and tentative text dim, above a line with the time, a
 * meter and the state. It is redrawn in place and removed at the end, when the final text replaces it.
 */
import type { WriteStream } from 'node:tty';
import type { DictationEvent } from '../../client/index.js';
import type { SottoError } from '../../protocol/errors.js';
import { LiveArea } from '../terminal/live-area.js';
import { styleFor, wantsColor, type Style } from '../terminal/style.js';
import { TextFlow } from '../terminal/text-flow.js';
import { errorLine } from '../transcribe/transcribe-view.js';
import type { AudioSourceInfo } from '../../capture/audio-source.js';
import type { LevelMeter } from '../../capture/level-meter.js';
import { stateLine, type DictateState } from './state-line.js';
import { noticeOf, type DictateView } from './dictate-view.js';

/** Rows to leave for earlier output. */
const ROWS_ABOVE = 4;

export function terminalDictateView(stream: WriteStream, isLive: boolean, keys: boolean): DictateView {
  return new TerminalDictateView(stream, isLive, keys);
}

/** What the state line shows besides what the level meter knows. */
type ShownState = Pick<
  DictateState,
  | 'isLive'
  | 'keys'
  | 'name'
  | 'source'
  | 'daemon'
  | 'engine'
  | 'speaking'
  | 'totalSeconds'
  | 'decodeIntervalSeconds'
>;

class TerminalDictateView implements DictateView {
  readonly #stream: WriteStream;
  readonly #style: Style;
  readonly #area: LiveArea;
  readonly #text = new TextFlow();
  readonly #beganMs = performance.now();
  #levels: LevelMeter | undefined;
  /** When the audio ended. */
  #overMs: number | undefined;
  #state: ShownState;

  constructor(stream: WriteStream, isLive: boolean, keys: boolean) {
    this.#stream = stream;
    this.#style = styleFor(wantsColor(stream));
    this.#state = {
      ...{ isLive, keys, name: '', source: 'opening', daemon: 'looking', speaking: false },
      ...{ engine: undefined, totalSeconds: undefined, decodeIntervalSeconds: undefined },
    };
    this.#area = new LiveArea(stream, (columns) => this.#lines(columns));
  }

  begin(meter: LevelMeter): void {
    this.#levels = meter;
    this.#area.open();
  }

  startingDaemon(): void {
    this.#show({ daemon: 'starting' });
  }

  sourceOpened({ name, durationSeconds }: AudioSourceInfo): void {
    this.#show({ source: 'open', name, totalSeconds: durationSeconds });
  }

  levelsChanged(): void {
    // The area is redrawn in any case.
  }

  event(event: DictationEvent): void {
    this.#apply(event);
    // Transient states are in the state line.
    const isShown = event.type === 'warning' || event.type === 'opened';
    const notice = isShown ? noticeOf(event) : undefined;
    if (notice !== undefined) this.note(notice);
  }

  finishing(): void {
    this.#show({ source: 'over' });
    this.#overMs = performance.now();
  }

  note(line: string): void {
    this.#area.above(() => void this.#stream.write(`${this.#style.dim(line)}\n`));
  }

  failed(error: SottoError): void {
    this.#area.close();
    this.#stream.write(`${this.#style.red(errorLine(error))}\n`);
  }

  close(): void {
    this.#area.close();
  }

  summary(facts: readonly string[]): void {
    this.#stream.write(`${this.#style.dim(facts.join(' · '))}\n`);
  }

  #show(change: Partial<ShownState>): void {
    this.#state = { ...this.#state, ...change };
  }

  #apply(event: DictationEvent): void {
    switch (event.type) {
      case 'opened':
        this.#show({ daemon: 'connected' });
        return;
      case 'connection':
        this.#show({ daemon: event.state === 'lost' ? 'lost' : 'connected' });
        return;
      case 'state':
        this.#show({ engine: event.state });
        return;
      case 'committed':
        this.#text.append(event.text);
        return;
      case 'tentative':
        this.#text.setTentative(event.text);
        return;
      case 'voice':
        this.#show({ speaking: event.speaking });
        return;
      case 'decode-interval':
        this.#show({ decodeIntervalSeconds: event.intervalSeconds });
        return;
      case 'language':
      case 'level':
      case 'warning':
      case 'switched':
      case 'switch-failed':
      case 'final':
      case 'cancelled':
      case 'failed':
        return;
    }
  }

  #lines(columns: number): string[] {
    const maxRows = Math.max(1, (this.#stream.rows || 24) - ROWS_ABOVE);
    const lines = this.#text
      .lines(columns, maxRows)
      .map(({ committed, tentative }) => `${committed}${this.#style.dim(tentative)}`);
    const levels = this.#levels;
    const now = performance.now();
    const state: DictateState = {
      ...this.#state,
      seconds: levels?.seconds ?? 0,
      noSignalSeconds: levels?.noSignalSeconds ?? 0,
      meter: levels?.meter() ?? '',
      elapsedMs: now - this.#beganMs,
      finishingMs: this.#overMs === undefined ? 0 : now - this.#overMs,
    };
    return [...lines, ...(lines.length > 0 ? [''] : []), stateLine(state, columns, this.#style)];
  }
}
