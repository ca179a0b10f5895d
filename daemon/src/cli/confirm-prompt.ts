/** Yes-or-no questions in a terminal. */
import { createInterface } from 'node:readline/promises';

/** @param defaultAnswer the meaning of Enter alone @returns undefined after Ctrl-C */
export type ConfirmPrompt = (question: string, defaultAnswer: boolean) => Promise<boolean | undefined>;

export function terminalPrompt(): ConfirmPrompt | undefined {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  return async (question, defaultAnswer) => {
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    const stopped = new AbortController();
    lines.on('SIGINT', () => stopped.abort());
    lines.on('close', () => stopped.abort());
    try {
      const choice = defaultAnswer ? '[Y/n]' : '[y/N]';
      const answer = (await lines.question(`${question} ${choice} `, { signal: stopped.signal })).trim();
      if (answer === '') return defaultAnswer;
      return /^y(es)?$/i.test(answer);
    } catch {
      process.stderr.write('\n');
      return undefined;
    } finally {
      lines.close();
    }
  };
}
