/** Reads lines from a socket, with a limit on the length of an unfinished line. */
import type { Socket } from 'node:net';

interface LineHandlers {
  readonly onLine: (line: string) => void;
  /** A line is longer than `maxLength`; nothing after it is read. */
  readonly onTooLong: () => void;
}

/** @param maxLength in UTF-16 units */
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
