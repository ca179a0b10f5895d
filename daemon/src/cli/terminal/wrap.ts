/** Wraps printed text at words, because terminals break inside words. */
import { breakLines } from './text-flow.js';

function wrapText(text: string, columns: number): string {
  return text
    .split('\n')
    .flatMap((line) => breakLines(line, columns).map((part) => part.trimEnd()))
    .join('\n');
}

/** Wraps only if stdout is a terminal. */
export function wrapForStdout(text: string): string {
  const { isTTY, columns } = process.stdout;
  return isTTY === true && columns > 0 ? wrapText(text, columns) : text;
}
