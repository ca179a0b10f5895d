/** `sotto codec encode`: the codes of one file as JSON, or as an `.ecdc` file. */
import { resolve } from 'node:path';
import { clock, formatSpeed } from '../../format-duration.js';
import type { Paths } from '../../paths.js';
import {
  joinCodes,
  type Codes,
  type EncodedAudio,
  type EncodeOptions,
  type EncodeSummary,
} from '../../protocol/codec.js';
import { defined } from '../../protocol/defined.js';
import { SottoError } from '../../protocol/errors.js';
import { onInterrupt } from '../interrupt.js';
import { assertCanWrite, placeOutput } from '../output-file.js';
import { stageBar } from '../terminal/stage-bar.js';
import { codesJson } from './codes-file.js';
import { writeEcdc } from './ecdc-file.js';
import { encodecShape } from './encodec-shape.js';
import { daemonEncoder, inProcessEncoder, type EncodeCall, type Encoder } from './encoder.js';

interface EncodeCommand {
  readonly paths: Paths;
  readonly file: string;
  readonly options: EncodeOptions;
  readonly model?: string;
  readonly output?: string;
  readonly json: boolean;
  readonly overwrite: boolean;
  readonly quiet: boolean;
  readonly daemon: boolean;
}

interface Result {
  readonly encoded: EncodedAudio;
  readonly json: string;
  readonly summary: string;
}

/** @returns the exit code @throws SottoError */
export async function encode(command: EncodeCommand): Promise<number> {
  const { file, options, model, json, overwrite, quiet } = command;
  const output = command.output === '-' ? undefined : command.output;
  if (output !== undefined) assertCanWrite(output, overwrite);
  const interrupt = onInterrupt();
  const encoder = await encoderFor(command);
  const call = { path: resolve(file), options, signal: interrupt.signal, ...defined({ model }) };
  try {
    const shape = output?.endsWith('.ecdc')
      ? await encodecShape(command.paths, model, interrupt.signal)
      : undefined;
    const result = await encodeFile(encoder, call, quiet);
    const contents = shape ? writeEcdc(result.encoded, shape) : `${result.json}\n`;
    if (output !== undefined) await placeOutput(output, overwrite, (file) => file.writeFile(contents));
    else if (json || !process.stdout.isTTY) process.stdout.write(`${result.json}\n`);
    if (!quiet && (output !== undefined || process.stdout.isTTY))
      process.stderr.write(`${output === undefined ? '' : `→ ${output}: `}${result.summary}\n`);
    return 0;
  } finally {
    interrupt.release();
    await encoder.close();
  }
}

async function encodeFile(encoder: Encoder, call: EncodeCall, quiet: boolean): Promise<Result> {
  const bar = quiet ? undefined : stageBar();
  const parts: Codes[] = [];
  let totalSeconds = 0;
  try {
    for await (const event of encoder.encode(call)) {
      if (event.type === 'started') totalSeconds = event.durationSeconds ?? 0;
      if (event.type === 'codes') {
        parts.push(event.codes);
        if (totalSeconds > 0) bar?.show('encoding', Math.min(1, event.seconds / totalSeconds));
      }
      if (event.type === 'encoded') return resultOf(parts, event.summary);
    }
  } finally {
    bar?.clear();
  }
  throw new SottoError('INTERNAL', 'the encoder ended without a result');
}

function resultOf(parts: readonly Codes[], summary: EncodeSummary & { readonly model: string }): Result {
  const { samples, sampleRate, seconds: workSeconds } = summary;
  const encoded = { ...joinCodes(parts), samples };
  const seconds = samples / sampleRate;
  const codes = encoded.codes.reduce((sum, list) => sum + list.length, 0);
  const speed = workSeconds > 0 ? `, ${formatSpeed(seconds / workSeconds)} real time` : '';
  return {
    encoded,
    json: codesJson(encoded, summary),
    summary: `${clock(seconds)} of audio as ${codes} codes${speed}`,
  };
}

async function encoderFor({ paths, daemon }: EncodeCommand): Promise<Encoder> {
  if (!daemon) return inProcessEncoder(paths);
  const { AUTO_IDLE_EXIT_MINUTES, findOrStartDaemon } = await import('../daemon/start-daemon.js');
  return daemonEncoder((await findOrStartDaemon({ paths, idleExitMinutes: AUTO_IDLE_EXIT_MINUTES })).client);
}
