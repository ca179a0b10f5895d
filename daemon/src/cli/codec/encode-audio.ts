/** `sotto codec encode`: the codes of one file as JSON, or packed in a `.codes` or `.ecdc` file. */
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
import { packCodes, PACKED_CODES_SUFFIX } from '../../store/codes/packed-codes.js';
import { onInterrupt } from '../interrupt.js';
import { assertCanWrite, placeOutput } from '../output-file.js';
import { stageBar } from '../terminal/stage-bar.js';
import { codesJson } from './codes-file.js';
import { writeEcdc, type EncodecShape } from './ecdc-file.js';
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
  readonly encodedBy: EncodeSummary & { readonly model: string };
  /** A line for the user. */
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
    if (output !== undefined)
      await placeOutput(output, overwrite, (file) => file.writeFile(contentsOf(output, result, shape)));
    else if (json || !process.stdout.isTTY) process.stdout.write(jsonOf(result));
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
    encodedBy: summary,
    summary: `${clock(seconds)} of audio as ${codes} codes${speed}`,
  };
}

const jsonOf = ({ encoded, encodedBy }: Result): string => `${codesJson(encoded, encodedBy)}\n`;

/** @param shape of an Encodec model, if an `.ecdc` file is wanted */
function contentsOf(output: string, result: Result, shape: EncodecShape | undefined): string | Uint8Array {
  const { encoded, encodedBy } = result;
  if (shape !== undefined) return writeEcdc(encoded, shape);
  if (!output.endsWith(PACKED_CODES_SUFFIX)) return jsonOf(result);
  const { model, sampleRate } = encodedBy;
  return packCodes({ ...encoded, model, sampleRate });
}

async function encoderFor({ paths, daemon }: EncodeCommand): Promise<Encoder> {
  if (!daemon) return inProcessEncoder(paths);
  const { AUTO_IDLE_EXIT_MINUTES, findOrStartDaemon } = await import('../daemon/start-daemon.js');
  return daemonEncoder((await findOrStartDaemon({ paths, idleExitMinutes: AUTO_IDLE_EXIT_MINUTES })).client);
}
