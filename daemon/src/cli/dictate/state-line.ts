/** The line below the text, as much of it as fits: `● 0:07  ▁▁▂▅▇▆▃▁  listening · Enter finishes, Esc discards`. */
import type { SessionState } from '../../protocol/live.js';
import { columnsOf, fitStart } from '../terminal/columns.js';
import { clock } from '../../format-duration.js';
import { spinnerAt } from '../terminal/progress-line.js';
import type { Style } from '../terminal/style.js';

/** After this wait the line shows how to leave. */
const LONG_MS = 3_000;

export interface DictateState {
  /** Whether the source is a microphone. */
  readonly isLive: boolean;
  readonly name: string;
  readonly source: 'opening' | 'open' | 'over';
  readonly daemon: 'looking' | 'starting' | 'connected' | 'lost';
  readonly engine: SessionState | undefined;
  readonly speaking: boolean;
  readonly seconds: number;
  readonly totalSeconds: number | undefined;
  readonly noSignalSeconds: number;
  readonly meter: string;
  /** Seconds between two decode steps. */
  readonly decodeIntervalSeconds: number | undefined;
  readonly keys: boolean;
  readonly elapsedMs: number;
  /** Since the user finished; 0 before. */
  readonly finishingMs: number;
}

export function stateLine(state: DictateState, columns: number, style: Style): string {
  const { text, tone } = describeState(state);
  const leave = state.finishingMs > LONG_MS ? ' · Ctrl-C to finish in the background' : '';
  if (state.source !== 'open')
    return `${style.cyan(spinnerAt(state.elapsedMs))} ${style.dim(fitStart(`${text}${leave}`, columns - 2))}`;
  const of = state.totalSeconds === undefined ? '' : ` / ${clock(state.totalSeconds)}`;
  const time = `${clock(Math.floor(state.seconds))}${of}`;
  const hint = keysHint(state);
  const width = (parts: readonly string[]): number => columnsOf(parts.join('  ')) + 2;
  const parts = [time, state.meter, text];
  const withHint = width([...parts, hint]) <= columns && hint !== '';
  // The hint is dropped first, then the meter, then the end of the text.
  const withMeter = width(parts) <= columns;
  const room = columns - 2 - columnsOf(time) - 2 - (withMeter ? columnsOf(state.meter) + 2 : 0);
  const dot = state.isLive ? style.red('●') : style.cyan('▶');
  const meter = state.speaking ? style.green(state.meter) : style.dim(state.meter);
  const shownText = fitStart(text, Math.max(1, room));
  return [
    `${dot} ${time}`,
    ...(withMeter ? [meter] : []),
    tone === 'bad' ? style.red(shownText) : style.dim(shownText),
    ...(withHint ? [style.dim(hint)] : []),
  ].join('  ');
}

function describeState(state: DictateState): { text: string; tone: 'neutral' | 'bad' } {
  const neutral = (text: string) => ({ text, tone: 'neutral' as const });
  const kept = state.isLive ? ' Keep talking, nothing is lost' : '';
  if (state.source === 'opening')
    return neutral(state.isLive ? 'opening the microphone…' : 'opening the file…');
  if (state.daemon === 'lost') return neutral(`reconnecting…${kept}`);
  if (state.source === 'over') {
    return neutral(
      state.engine === 'restarting' ? 'restarting the speech engine, then finishing…' : 'finishing…',
    );
  }
  if (state.noSignalSeconds > 0) {
    const suffix = state.isLive ? ' (muted? no permission?)' : '';
    return { text: `no audio for ${Math.floor(state.noSignalSeconds)} s${suffix}`, tone: 'bad' };
  }
  if (state.daemon === 'starting') return neutral(`starting the daemon…${kept}`);
  if (state.daemon === 'looking') return neutral(`connecting…${kept}`);
  if (state.engine === 'waiting') return neutral(`loading the model…${kept}`);
  if (state.engine === 'restarting') return neutral(`restarting the speech engine…${kept}`);
  const slow =
    (state.decodeIntervalSeconds ?? 0) > 1 ? `, text every ${state.decodeIntervalSeconds?.toFixed(0)} s` : '';
  return neutral(`${state.isLive ? 'listening' : state.name}${slow}`);
}

function keysHint({ keys, isLive }: DictateState): string {
  if (!keys) return isLive ? '· Ctrl-C finishes' : '';
  return '· Enter finishes, Esc discards';
}
