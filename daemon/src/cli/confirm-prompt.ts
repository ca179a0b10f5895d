/** Questions that are answered with yes or no, where there is a terminal. */
import { createInterface } from 'node:readline/promises';

/** `usual`: what Enter alone means. Gives `undefined` at Ctrl-C. */
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
