/** Shows the loading of a model: a progress line on a terminal, nothing elsewhere. */
import type { ModelsEvent } from '../../protocol/models.js';
import { columnsOf, fitStart } from '../terminal/columns.js';
import { LiveArea } from '../terminal/live-area.js';
import { spinnerAt } from '../terminal/progress-line.js';
import { styleFor, wantsColor, type Style } from '../terminal/style.js';

interface ModelLoadView {
  event(event: ModelsEvent): void;
  close(): void;
}

const MAX_BAR = 28;

/** @param currentModel the model in use until the new one is ready */
export function modelLoadView(name: string, currentModel: string | undefined): ModelLoadView {
  const { stderr } = process;
  if (!stderr.isTTY || process.env.TERM === 'dumb') {
    return {
      event: (event) => {
        if (event.type === 'fallback') stderr.write(`${fallbackLine(event)}\n`);
      },
      close: () => undefined,
    };
  }
  const style = styleFor(wantsColor(stderr));
  const sinceMs = performance.now();
  const suffix = currentModel === undefined ? '' : ` (${currentModel} is used meanwhile)`;
  let fraction: number | undefined;
  let label = `loading ${name}${suffix}…`;
  const area = new LiveArea(stderr, (columns) => {
    const spinner = style.cyan(spinnerAt(performance.now() - sinceMs));
    return [`${spinner} ${loadLine(fraction, label, columns - 2, style)}`];
  });
  area.open();
  return {
    event: (event) => {
      if (event.type === 'progress') {
        fraction = event.stage === 'loading' ? event.fraction : undefined;
        label = event.stage === 'warming' ? `warming up${suffix}…` : `loading ${name}${suffix}…`;
      }
      if (event.type === 'fallback') area.above(() => stderr.write(`${fallbackLine(event)}\n`));
    },
    close: () => area.close(),
  };
}

/** `━━━━━━──────  42%  loading large (base is used meanwhile)…`, shortened to fit. */
export function loadLine(fraction: number | undefined, label: string, columns: number, style: Style): string {
  const percent = fraction === undefined ? '' : `${String(Math.floor(fraction * 100)).padStart(3)}%  `;
  const text = fitStart(`${percent}${label}`, columns);
  const room = Math.min(MAX_BAR, columns - 1 - columnsOf(text));
  if (fraction === undefined || room < 8) return fraction === undefined ? style.dim(text) : text;
  const full = Math.round(fraction * room);
  return `${style.green('━'.repeat(full))}${style.dim('─'.repeat(room - full))} ${text}`;
}

function fallbackLine({ name, fallbackFor }: Extract<ModelsEvent, { type: 'fallback' }>): string {
  return `${fallbackFor.error.message}: using ${name} instead`;
}
