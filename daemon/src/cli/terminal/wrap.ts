/** Text that stays on a terminal, broken at words: the terminal itself breaks inside of them. */
import { breakLines } from './text-flow.js';

/** @param columns of the terminal */
function wrapText(text: string, columns: number): string {
  return text
    .split('\n')
    .flatMap((line) => breakLines(line, columns).map((part) => part.trimEnd()))
    .join('\n');
}

/** For stdout: as it is where that is no terminal. */
export function wrapForStdout(text: string): string {
  const { isTTY, columns } = process.stdout;
  return isTTY === true && columns > 0 ? wrapText(text, columns) : text;
}
