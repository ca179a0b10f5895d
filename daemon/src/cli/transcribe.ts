/** `sotto transcribe`: one file after another, each shown as it comes and written in the format asked for. */
import { join, resolve } from 'node:path';
import { SottoError, type ErrorCode } from '../protocol/errors.js';
import type { Segment, TranscribeOptions } from '../protocol/transcription.js';
import { trace } from '../trace.js';
import { INTERRUPTED } from './interrupt.js';
import { MODEL_CODES } from './model-codes.js';
import { makeOutputFolder, outputNames, writeWhole } from './output-files.js';
import type { Transcriber } from './transcriber.js';
import { transcriptOf } from './transcript.js';
import { sayFailure, type View } from './view.js';
import {
  formatOf,
  render,
  type FormatName,
  type Transcript,
  type Writer,
  type WriterSettings,
} from '../writers/index.js';

export interface TranscribeRun {
  readonly files: readonly string[];
  readonly options: TranscribeOptions;
  /** Name or absolute folder. */
  readonly model?: string;
  readonly format: FormatName;
  /** How subtitles are laid out. */
  readonly writer?: WriterSettings;
  /** Folder for a file each; stdout when left out. */
  readonly output?: string;
}

export interface TranscribeParts {
  readonly transcriber: Transcriber;
  readonly view: View;
  readonly signal: AbortSignal;
}

/** Failures that the next file would meet as well. */
const FATAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...MODEL_CODES,
  'ENGINE_UNAVAILABLE',
  'DAEMON_UNAVAILABLE',
  'VERSION_MISMATCH',
  'UNAUTHORISED',
  'PROTOCOL',
]);

/** The exit code of the command. */
export async function transcribeAll(run: TranscribeRun, parts: TranscribeParts): Promise<number> {
  const { files, format, output } = run;
  const { view, signal } = parts;
  const names = outputNames(files, formatOf(format).extension);
  let failed = 0;
  try {
    if (output !== undefined) await makeOutputFolder(output);
    for (const [index, file] of files.entries()) {
      const target = output === undefined ? undefined : join(output, names[index] ?? '');
      view.begin(file);
      try {
        view.done(await transcribeOne(file, target, run, parts), target);
      } catch (thrown) {
        const error = SottoError.from(thrown);
        if (signal.aborted) {
          view.note('interrupted');
          return INTERRUPTED;
        }
        if (FATAL.has(error.code)) throw error;
        failed += 1;
        view.failed(file, error);
      }
    }
    return failed === 0 ? 0 : 1;
  } catch (thrown) {
    view.close();
    return sayFailure(thrown);
  } finally {
    view.close();
  }
}

async function transcribeOne(
  file: string,
  target: string | undefined,
  { format, options, model, output, writer: settings }: TranscribeRun,
  { transcriber, view, signal }: TranscribeParts,
): Promise<Transcript> {
  const newWriter = (): Promise<Writer> => formatOf(format).writer(settings);
  const writer = await newWriter();
  const put = (text: string): void => {
    if (target === undefined && text !== '') view.put(text);
  };
  const segments: Segment[] = [];
  let begun = false;
  const call = { signal, ...(model === undefined ? {} : { model }) };
  try {
    for await (const event of transcriber.transcribe(resolve(file), options, call)) {
      view.event(event);
      if (event.type === 'segment') {
        // A header without a document behind it helps nobody: nothing is written for a file that fails at once.
        if (!begun) {
          trace('cli', 'first text');
          put(writer.begin());
        }
        begun = true;
        segments.push(event.segment);
        put(writer.segment(event.segment));
      } else if (event.type === 'final') {
        const heard = { file, segments, summary: event.summary, folder: output ?? '.' };
        const transcript = await transcriptOf(heard, { format, options });
        if (target !== undefined) await writeWhole(target, render(await newWriter(), transcript));
        else put(`${begun ? '' : writer.begin()}${writer.end(transcript)}`);
        return transcript;
      }
    }
  } catch (error) {
    put(writer.cut?.() ?? '');
    throw error;
  }
  throw new SottoError(signal.aborted ? 'CANCELLED' : 'INTERNAL', 'the work ended without a result');
}
