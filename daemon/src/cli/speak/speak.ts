/** `sotto speak`: reads the text, and writes the audio to a file or a pipe as it is made. */
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { defined } from '../../protocol/defined.js';
import { SottoError } from '../../protocol/errors.js';
import { fileError, OUTPUT_FILE, refuseSpecial, TEXT_INPUT } from '../../protocol/file-errors.js';
import type { SynthesisOptions } from '../../protocol/synthesis.js';
import { LIMITS } from '../../protocol/version.js';
import { clock, formatSpeed } from '../../format-duration.js';
import type { Paths } from '../../paths.js';
import { wavData, wavHeader, type WavFormat } from '../../signal/wav-format.js';
import { placeFile } from '../../writers/placement/place-text.js';
import { onInterrupt } from '../interrupt.js';
import type { Speaker, SpeakRequest } from './speaker.js';

interface SpeakCommand {
  readonly paths: Paths;
  readonly words: readonly string[];
  readonly file?: string;
  readonly options: SynthesisOptions;
  readonly model?: string;
  readonly output?: string;
  readonly format: WavFormat;
  readonly overwrite: boolean;
  readonly quiet: boolean;
  readonly daemon: boolean;
}

interface Spoken {
  readonly seconds: number;
  readonly workSeconds: number;
}

/** Accepts the parts of a WAV file in order. */
type Write = (bytes: Uint8Array) => Promise<void>;

/** @returns the exit code @throws SottoError */
export async function speak(command: SpeakCommand): Promise<number> {
  const { model, options, overwrite, quiet } = command;
  const output = command.output === '-' ? undefined : command.output;
  if (output === undefined && process.stdout.isTTY) {
    throw new SottoError('INVALID_ARGUMENT', 'a terminal can’t play audio', {
      hint: 'use --output FILE, or pipe it into a player',
    });
  }
  const text = await textOf(command);
  const interrupt = onInterrupt();
  const speaker = await speakerFor(command);
  const request = { text, options, signal: interrupt.signal, ...defined({ model }) };
  try {
    const spoken =
      output === undefined
        ? await speakTo(writeStdout, speaker, request, command.format)
        : await speakToFile(output, overwrite, speaker, request, command.format);
    if (!quiet && output !== undefined) process.stderr.write(`${summaryOf(output, spoken)}\n`);
    return 0;
  } finally {
    interrupt.release();
    await speaker.close();
  }
}

/** @throws SottoError INVALID_ARGUMENT */
async function textOf({ words, file }: SpeakCommand): Promise<string> {
  if (file !== undefined && words.length > 0) {
    throw new SottoError('INVALID_ARGUMENT', 'a text and --file can’t be used together', {
      hint: 'omit one of them',
    });
  }
  const text = (await readText(words, file)).trim();
  if (text === '') {
    throw new SottoError('INVALID_ARGUMENT', 'there is no text to speak', {
      hint: 'give a text, --file FILE, or - for stdin',
    });
  }
  if (text.length > LIMITS.maxSpokenLength) {
    throw new SottoError('INVALID_ARGUMENT', `the text has ${text.length} characters`, {
      hint: `split it: at most ${LIMITS.maxSpokenLength} are spoken at once`,
    });
  }
  return text;
}

async function readText(words: readonly string[], file: string | undefined): Promise<string> {
  if (file !== undefined) {
    try {
      return await readFile(file, 'utf8');
    } catch (error) {
      throw fileError(file, error, TEXT_INPUT);
    }
  }
  return words.length === 1 && words[0] === '-' ? readAll(process.stdin) : words.join(' ');
}

async function speakerFor({ paths, daemon }: SpeakCommand): Promise<Speaker> {
  if (!daemon) {
    const { InProcessSpeaker } = await import('./in-process-speaker.js');
    return new InProcessSpeaker(paths);
  }
  const [{ DaemonSpeaker }, { AUTO_IDLE_EXIT_MINUTES, findOrStartDaemon }] = await Promise.all([
    import('./daemon-speaker.js'),
    import('../daemon/start-daemon.js'),
  ]);
  const idleExitMinutes = AUTO_IDLE_EXIT_MINUTES;
  return new DaemonSpeaker(async () => (await findOrStartDaemon({ paths, idleExitMinutes })).client);
}

/** Writes the file as a whole: none is there after an error. @throws SottoError OUTPUT_EXISTS, OUTPUT_FAILED */
async function speakToFile(
  path: string,
  overwrite: boolean,
  speaker: Speaker,
  request: SpeakRequest,
  format: WavFormat,
): Promise<Spoken> {
  const existing = statSync(path, { throwIfNoEntry: false });
  // A device or a pipe must not be replaced, either.
  if (existing !== undefined) refuseSpecial(path, existing, OUTPUT_FILE);
  // Before the work; placing it is what decides.
  if (existing !== undefined && !overwrite) throw exists(path);
  let spoken: Spoken = { seconds: 0, workSeconds: 0 };
  const outcome = await placeFile(
    path,
    async (file) => {
      const write: Write = async (bytes) => void (await file.appendFile(bytes));
      spoken = await speakTo(write, speaker, request, format, async (header) => {
        await file.write(header, 0, header.length, 0);
      });
    },
    { existing: overwrite ? 'replace' : 'keep' },
  );
  if (outcome === 'kept') throw exists(path);
  return spoken;
}

function exists(path: string): SottoError {
  return new SottoError('OUTPUT_EXISTS', `${path} already exists`, {
    hint: 'choose another name, or replace it with --overwrite',
  });
}

/** @param rewriteHeader writes the header again once the length is known */
async function speakTo(
  write: Write,
  speaker: Speaker,
  request: SpeakRequest,
  format: WavFormat,
  rewriteHeader?: (header: Uint8Array) => Promise<void>,
): Promise<Spoken> {
  let [sampleRate, samples, workSeconds] = [0, 0, 0];
  for await (const event of speaker.speak(request)) {
    if (event.type === 'opened') {
      ({ sampleRate } = event);
      await write(wavHeader({ sampleRate, format }));
    } else if (event.type === 'audio') {
      samples += event.samples.length;
      await write(wavData(event.samples, format));
    } else if (event.type === 'final') workSeconds = event.summary.timings.total;
  }
  await rewriteHeader?.(wavHeader({ sampleRate, format, samples }));
  return { seconds: samples / sampleRate, workSeconds };
}

async function writeStdout(bytes: Uint8Array): Promise<void> {
  if (!process.stdout.write(bytes)) await once(process.stdout, 'drain');
}

function summaryOf(output: string, { seconds, workSeconds }: Spoken): string {
  const speed = workSeconds > 0 ? `, ${formatSpeed(seconds / workSeconds)} real time` : '';
  return `→ ${output}: ${clock(seconds)} of audio${speed}`;
}
