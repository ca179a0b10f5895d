/**
 * Lines that are redrawn in place below the scrolling text. Lines never wrap, so that a redraw knows how many rows to
 * erase.
 */
import type { WriteStream } from 'node:tty';

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const CLEAR_TO_END = '\u001b[J';

/** Faster redraws would not be visible. */
const REDRAW_MS = 80;

export class LiveArea {
  readonly #stream: WriteStream;
  readonly #lines: (columns: number) => string[];
  #rows = 0;
  #timer: NodeJS.Timeout | undefined;
  #open = false;

  /** @param lines the lines to show, each within the given columns */
  constructor(stream: WriteStream, lines: (columns: number) => string[]) {
    this.#stream = stream;
    this.#lines = lines;
  }

  open(): void {
    if (this.#open) return;
    this.#open = true;
    this.#stream.write(HIDE_CURSOR);
    this.#draw();
    // Spinner and clock always move.
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
    this.#timer.unref();
  }

  /** Erases the area while `write` prints text above it. */
  above(write: () => void): void {
    this.#erase();
    write();
    if (this.#open) this.#draw();
  }

  close(): void {
    clearInterval(this.#timer);
    if (!this.#open) return;
    this.#open = false;
    this.#erase();
    this.#stream.write(SHOW_CURSOR);
  }

  #draw(): void {
    const columns = Math.max(20, this.#stream.columns || 80) - 1;
    const lines = this.#lines(columns);
    const back = this.#rows === 0 ? '' : `\r\u001b[${this.#rows}A`;
    this.#rows = lines.length;
    this.#stream.write(`${back}${CLEAR_TO_END}${lines.map((line) => `${line}\n`).join('')}`);
  }

  #erase(): void {
    if (this.#rows > 0) this.#stream.write(`\r\u001b[${this.#rows}A${CLEAR_TO_END}`);
    this.#rows = 0;
  }
}
