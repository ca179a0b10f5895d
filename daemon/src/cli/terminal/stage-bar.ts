/** A progress bar on a terminal, nothing elsewhere. */
import { styleFor, wantsColor } from './style.js';

const WIDTH = 28;
const ERASE = '\r\u001b[K';

export interface StageBar {
  show(stage: string, fraction: number): void;
  clear(): void;
}

export function stageBar(): StageBar {
  const { stderr } = process;
  if (!stderr.isTTY || process.env.TERM === 'dumb') {
    return { show: () => undefined, clear: () => undefined };
  }
  const style = styleFor(wantsColor(stderr));
  let last = '';
  return {
    show: (stage, fraction) => {
      const full = Math.round(fraction * WIDTH);
      const bar = style.green('━'.repeat(full)) + style.dim('─'.repeat(WIDTH - full));
      const line = `${stage.padEnd(10)} ${bar} ${String(Math.floor(fraction * 100)).padStart(3)}%`;
      if (line === last) return;
      last = line;
      stderr.write(ERASE + line);
    },
    clear: () => {
      if (last !== '') stderr.write(ERASE);
      last = '';
    },
  };
}
