/** The text of the last dictation: of the one that is being finished now, or the newest of the history. */
import { execFile } from 'node:child_process';
import { SottoError } from 'sotto/client';
import { findTake } from './begin-take';
import type { SottoCommand } from './find-sotto';

const ANSWER_MS = 15_000;

/** @returns undefined where there is none */
export async function lastTranscript(socket: string, sotto: () => SottoCommand): Promise<string | undefined> {
  const take = await findTake(socket);
  if (take?.first.phase === 'final') return take.first.text;
  if (take?.first.phase === 'finishing') {
    for await (const { phase, text } of take.changes) if (phase === 'final' && text !== '') return text;
  }
  take?.capture.close();
  return newestOf(await askHistory(sotto()));
}

/** The first text of `sotto history list --json`: an object a line. */
export function newestOf(lines: string): string | undefined {
  for (const line of lines.split('\n')) {
    if (line.trim() === '') continue;
    const entry: unknown = JSON.parse(line);
    const text = typeof entry === 'object' && entry !== null && 'text' in entry ? entry.text : undefined;
    if (typeof text === 'string' && text.trim() !== '') return text.trim();
  }
  return undefined;
}

/** More than one: the newest may have failed, and have no text. */
function askHistory({ program, args, env }: SottoCommand): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      program,
      [...args, 'history', 'list', '--json', '--limit', '5'],
      { env, timeout: ANSWER_MS, maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else {
          const said = stderr.trim().replace(/^sotto: /, '');
          reject(
            new SottoError('INTERNAL', said === '' ? 'the history can’t be read' : said, { cause: error }),
          );
        }
      },
    );
  });
}
