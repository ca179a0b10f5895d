/** Lines that come in at a socket, with a bound on what is kept of one that does not end. */
import type { Socket } from 'node:net';

interface LineHandlers {
  readonly onLine: (line: string) => void;
  /** A line is longer than `maxLength`; nothing is read after it. */
  readonly onTooLong: () => void;
}

/** @param maxLength UTF-16 units */
export function readLines(socket: Socket, maxLength: number, { onLine, onTooLong }: LineHandlers): void {
  let rest = '';
  const receive = (text: string): void => {
    const lines = text.split('\n');
    for (const [index, part] of lines.entries()) {
      if (rest.length + part.length > maxLength) {
        socket.off('data', receive).off('end', end);
        rest = '';
        onTooLong();
        return;
      }
      rest += part;
      if (index === lines.length - 1) return;
      const line = rest.endsWith('\r') ? rest.slice(0, -1) : rest;
      rest = '';
      onLine(line);
    }
  };
  const end = (): void => {
    if (rest !== '') onLine(rest);
  };
  socket.setEncoding('utf8').on('data', receive).on('end', end);
}
