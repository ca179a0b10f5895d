/** `sotto transcribe` for single files: one after another, printed as they come or written in a format. */
import { dirname, join } from 'node:path';
import { SottoError, type ErrorCode } from '../../protocol/errors.js';
import { codedError } from '../../protocol/file-errors.js';
import type { Segment, TranscribeOptions } from '../../protocol/transcription.js';
import { trace } from '../../trace.js';
import { INTERRUPTED } from '../interrupt.js';
import type { Input, OpenInput } from './inputs.js';
import { MODEL_ERROR_CODES } from '../../protocol/model-error-codes.js';
import type { Destination } from '../flags/destination.js';
import { makeOutputFolder, outputNames } from '../../writers/placement/output-files.js';
import type { Outputs } from '../../writers/placement/outputs.js';
import type { Transcriber } from '../../batch/transcriber.js';
import { transcriptOf } from '../../writers/transcript.js';
import { keptTimesNote, reportFailure, type TranscribeView } from './transcribe-view.js';
import {
  formatOf,
  render,
  type FormatName,
  type Transcript,
  type Writer,
  type WriterSettings,
} from '../../writers/index.js';
import { defined } from '../../protocol/defined.js';

export interface TranscribeRequest {
  readonly inputs: readonly Input[];
  readonly options: TranscribeOptions;
  /** Name or absolute folder. */
  readonly model?: string;
  readonly format: FormatName;
  /** Subtitle layout. */
  readonly writer?: WriterSettings;
  readonly destination: Destination;
  /** Print file names above their texts. */
  readonly headings: boolean;
}

interface TranscribeDeps {
  readonly outputs: Pick<Outputs, 'assertWritable' | 'placeOrFail'>;
  readonly transcriber: Transcriber;
  readonly view: TranscribeView;
  readonly signal: AbortSignal;
}

/** Failures that affect every file. */
const FATAL_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...MODEL_ERROR_CODES,
  'ENGINE_UNAVAILABLE',
  'DAEMON_UNAVAILABLE',
  'VERSION_MISMATCH',
  'UNAUTHORIZED',
  'PROTOCOL',
]);

/** @returns the exit code */
export async function transcribeAll(run: TranscribeRequest, deps: TranscribeDeps): Promise<number> {
  const { inputs, destination } = run;
  const { view, signal } = deps;
  const targets = targetsOf(run);
  let failed = 0;
  try {
    if (destination.to === 'folder') await makeOutputFolder(destination.path);
    for (const [index, input] of inputs.entries()) {
      const target = targets[index];
      view.begin(input.name);
      try {
        const transcript = await transcribeOne({ input, target, first: index === 0 }, run, deps);
        view.done(transcript, target);
        const kept = keptTimesNote(transcript.summary);
        if (kept !== undefined) view.note(kept);
      } catch (thrown) {
        const error = codedError(thrown);
        if (signal.aborted) {
          view.note('interrupted');
          return INTERRUPTED;
        }
        if (FATAL_CODES.has(error.code)) throw error;
        failed += 1;
        view.failed(input.name, error);
      }
    }
    return failed === 0 ? 0 : 1;
  } catch (thrown) {
    view.close();
    return reportFailure(thrown);
  } finally {
    view.close();
  }
}

function targetsOf({ inputs, destination, format }: TranscribeRequest): (string | undefined)[] {
  switch (destination.to) {
    case 'stdout':
      return [];
    case 'file':
      return [destination.path];
    case 'folder': {
      const names = outputNames(
        inputs.map(({ fileName }) => fileName),
        formatOf(format).extension,
      );
      return names.map((name) => join(destination.path, name));
    }
  }
}

interface One {
  readonly input: Input;
  /** Printed if undefined. */
  readonly target: string | undefined;
  readonly first: boolean;
}

async function transcribeOne(one: One, run: TranscribeRequest, deps: TranscribeDeps): Promise<Transcript> {
  const { input, target } = one;
  // Checked before the work, which may take an hour, and again when the text is placed.
  if (target !== undefined) await deps.outputs.assertWritable(target);
  const opened = await input.open(deps.view, deps.signal);
  try {
    return await transcribeOpened(one, opened, run, deps);
  } finally {
    await opened.remove();
  }
}

async function transcribeOpened(
  { input, target, first }: One,
  { path, audio }: OpenInput,
  { format, options, model, headings, writer: settings }: TranscribeRequest,
  { outputs, transcriber, view, signal }: TranscribeDeps,
): Promise<Transcript> {
  const file = input.name;
  const newWriter = (): Promise<Writer> => formatOf(format).writer(settings);
  const writer = await newWriter();
  const put = (text: string): void => {
    if (target === undefined && text !== '') view.put(text);
  };
  const segments: Segment[] = [];
  let begun = false;
  // Prints no header for a file that fails before its first text.
  const begin = (): void => {
    if (begun) return;
    begun = true;
    put(headings ? `${first ? '' : '\n'}==> ${shownName(file)} <==\n` : '');
    put(writer.begin());
  };
  const call = { signal, ...defined({ model }) };
  try {
    for await (const event of transcriber.transcribe(path, options, call)) {
      view.event(event);
      if (event.type === 'segment') {
        if (!begun) trace('cli', 'first text');
        begin();
        segments.push(event.segment);
        put(writer.segment(event.segment));
      } else if (event.type === 'final') {
        const folder = target === undefined ? '.' : dirname(target);
        const transcript = await transcriptOf(
          {
            ...{ file, segments, summary: event.summary, folder },
            ...defined({ audio: audio === undefined ? undefined : () => audio(folder) }),
          },
          { format, options },
        );
        if (target === undefined) {
          begin();
          put(writer.end(transcript));
        } else
          await outputs.placeOrFail(target, render(await newWriter(), transcript), {
            makeFolder: false,
            signal,
          });
        return transcript;
      }
    }
  } catch (error) {
    put(writer.flush?.() ?? '');
    throw error;
  }
  throw new SottoError(signal.aborted ? 'CANCELLED' : 'INTERNAL', 'the transcription ended without a result');
}

function shownName(file: string): string {
  return file.replace(/[\r\n]+/g, ' ');
}
