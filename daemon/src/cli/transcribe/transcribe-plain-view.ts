/** For pipes and files: texts on stdout, errors on stderr. */
import { wrapForStdout } from '../terminal/text-flow.js';
import { errorLine, fileWaitText, isSlowFile, type TranscribeView } from './transcribe-view.js';

/** @param wrap wrap texts at words if stdout is a terminal */
export function plainTranscribeView(wrap = false): TranscribeView {
  let file = '';
  let waitedFor: string | undefined;
  return {
    begin: (name) => void (file = name),
    waiting: () => undefined,
    event: (event) => {
      // Once per file; the user may be answering a prompt.
      if (!isSlowFile(event)) return;
      if (file !== waitedFor) process.stderr.write(`sotto: ${file}: ${fileWaitText(event)}\n`);
      waitedFor = file;
    },
    put: (text) => void process.stdout.write(wrap ? wrapForStdout(text) : text),
    done: ({ segments }) => {
      if (segments.length === 0) process.stderr.write(`sotto: ${file}: no speech found\n`);
    },
    failed: (file, error) => void process.stderr.write(`${errorLine(error, file)}\n`),
    note: (text) => void process.stderr.write(`sotto: ${text}\n`),
    close: () => undefined,
  };
}
