/** Writes audio to a file or a pipe while it is made. */
import { once } from 'node:events';
import { clock, formatSpeed } from '../../format-duration.js';
import type { Paths } from '../../paths.js';
import { defined } from '../../protocol/defined.js';
import { SottoError } from '../../protocol/errors.js';
import type { AudioOnlySource } from '../../protocol/ipc.js';
import type { WavFormat } from '../../signal/wav-format.js';
import type { AudioFileEncoder } from '../../writers/audio/audio-file-encoder.js';
import { audioFormatOf, createAudioEncoder } from '../../writers/audio/audio-format.js';
import { onInterrupt } from '../interrupt.js';
import { assertCanWrite, placeOutput } from '../output-file.js';
import type { Speaker, SpeakRequest } from './speaker.js';

export interface SpeechOutput {
  readonly paths: Paths;
  readonly model?: string;
  /** A file, in the format of its extension; WAV on stdout if omitted or `-`. */
  readonly output?: string;
  readonly samples: WavFormat;
  readonly overwrite: boolean;
  readonly quiet: boolean;
  readonly daemon: boolean;
}

interface Spoken {
  readonly seconds: number;
  readonly workSeconds: number;
}

/** Accepts the parts of an audio file in order. */
type Write = (bytes: Uint8Array) => Promise<void>;

type CreateEncoder = (sampleRate: number) => Promise<AudioFileEncoder>;

/**
 * Before any work.
 * @throws SottoError INVALID_ARGUMENT if the audio would go to a terminal, or the file can't hold it
 */
export function assertOutput({ output, samples }: Pick<SpeechOutput, 'output' | 'samples'>): void {
  if (output !== undefined && output !== '-') {
    audioFormatOf(output, samples);
    return;
  }
  if (!process.stdout.isTTY) return;
  throw new SottoError('INVALID_ARGUMENT', 'a terminal can’t play audio', {
    hint: 'use --output FILE, or pipe it into a player',
  });
}

/** @returns the exit code @throws SottoError */
export async function writeSpeech(source: AudioOnlySource, wanted: SpeechOutput): Promise<number> {
  const { model, samples, overwrite, quiet } = wanted;
  const output = wanted.output === '-' ? undefined : wanted.output;
  const format = output === undefined ? 'wav' : audioFormatOf(output, samples);
  const createEncoder: CreateEncoder = (sampleRate) => createAudioEncoder({ format, sampleRate, samples });
  const interrupt = onInterrupt();
  const speaker = await speakerFor(wanted);
  const request = { source, signal: interrupt.signal, ...defined({ model }) };
  try {
    const spoken =
      output === undefined
        ? await speakTo(writeStdout, speaker, request, createEncoder)
        : await speakToFile(output, overwrite, speaker, request, createEncoder);
    if (!quiet && output !== undefined) process.stderr.write(`${summaryOf(output, spoken)}\n`);
    return 0;
  } finally {
    interrupt.release();
    await speaker.close();
  }
}

async function speakerFor({ paths, daemon }: SpeechOutput): Promise<Speaker> {
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
export async function speakToFile(
  path: string,
  overwrite: boolean,
  speaker: Speaker,
  request: SpeakRequest,
  createEncoder: CreateEncoder,
): Promise<Spoken> {
  assertCanWrite(path, overwrite);
  let spoken: Spoken = { seconds: 0, workSeconds: 0 };
  await placeOutput(path, overwrite, async (file) => {
    const write: Write = async (bytes) => void (await file.appendFile(bytes));
    spoken = await speakTo(write, speaker, request, createEncoder, async (head) => {
      await file.write(head, 0, head.length, 0);
    });
  });
  return spoken;
}

/** @param rewriteHead writes the bytes before the audio again once the length is known */
async function speakTo(
  write: Write,
  speaker: Speaker,
  request: SpeakRequest,
  createEncoder: CreateEncoder,
  rewriteHead?: (head: Uint8Array) => Promise<void>,
): Promise<Spoken> {
  let encoder: AudioFileEncoder | undefined;
  let [sampleRate, samples, workSeconds] = [0, 0, 0];
  try {
    for await (const event of speaker.speak(request)) {
      if (event.type === 'opened') {
        ({ sampleRate } = event);
        encoder = await createEncoder(sampleRate);
        await write(encoder.begin());
      } else if (event.type === 'audio' && encoder !== undefined) {
        samples += event.samples.length;
        await write(encoder.encode(event.samples));
      } else if (event.type === 'final') workSeconds = event.summary.timings.total;
    }
    const end = encoder?.finish();
    if (end !== undefined) await write(end.tail);
    if (end?.head !== undefined) await rewriteHead?.(end.head);
  } finally {
    encoder?.free();
  }
  return { seconds: samples / sampleRate, workSeconds };
}

async function writeStdout(bytes: Uint8Array): Promise<void> {
  if (!process.stdout.write(bytes)) await once(process.stdout, 'drain');
}

function summaryOf(output: string, { seconds, workSeconds }: Spoken): string {
  const speed = workSeconds > 0 ? `, ${formatSpeed(seconds / workSeconds)} real time` : '';
  return `→ ${output}: ${clock(seconds)} of audio${speed}`;
}
