/** For pipes and files: text on stdout as it is done, errors on stderr, nothing else. */
import { errorLine, type View } from './view.js';

export function plainView(): View {
  return {
    begin: () => undefined,
    waiting: () => undefined,
    event: () => undefined,
    put: (text) => void process.stdout.write(text),
    done: () => undefined,
    failed: (file, error) => void process.stderr.write(`${errorLine(error, file)}\n`),
    note: (text) => void process.stderr.write(`sotto: ${text}\n`),
    close: () => undefined,
  };
}
