/** `sotto codec encode`: the codes of one file as JSON. */
import { resolve } from 'node:path';
import { existsSync, statSync } from 'node:fs';
import { clock, formatSpeed } from '../../format-duration.js';
import type { Paths } from '../../paths.js';
import { joinCodes, type Codes, type EncodeOptions, type EncodeSummary } from '../../protocol/codec.js';
import { defined } from '../../protocol/defined.js';
import { SottoError } from '../../protocol/errors.js';
import { OUTPUT_FILE, refuseSpecial } from '../../protocol/file-errors.js';
import { placeText } from '../../writers/placement/place-text.js';
import { onInterrupt } from '../interrupt.js';
import { outputExists } from '../output-exists.js';
import { stageBar } from '../terminal/stage-bar.js';
import { codesJson } from './codes-file.js';
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
  readonly json: string;
  readonly summary: string;
}

/** @returns the exit code @throws SottoError */
export async function encode(command: EncodeCommand): Promise<number> {
  const { file, options, model, json, overwrite, quiet } = command;
  const output = command.output === '-' ? undefined : command.output;
  // Before the work; placing the file is what decides.
  if (output !== undefined && !overwrite && existsSync(output)) throw outputExists(output);
  const interrupt = onInterrupt();
  const encoder = await encoderFor(command);
  const call = { path: resolve(file), options, signal: interrupt.signal, ...defined({ model }) };
  try {
    const result = await encodeFile(encoder, call, quiet);
    if (output !== undefined) await write(output, `${result.json}\n`, overwrite);
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
    json: codesJson(encoded, summary),
    summary: `${clock(seconds)} of audio as ${codes} codes${speed}`,
  };
}

/** @throws SottoError OUTPUT_EXISTS */
async function write(path: string, text: string, overwrite: boolean): Promise<void> {
  const existing = statSync(path, { throwIfNoEntry: false });
  // A device or a pipe must not be replaced, either.
  if (existing !== undefined) refuseSpecial(path, existing, OUTPUT_FILE);
  const outcome = await placeText(path, text, { existing: overwrite ? 'replace' : 'keep' });
  if (outcome === 'kept') throw outputExists(path);
}

async function encoderFor({ paths, daemon }: EncodeCommand): Promise<Encoder> {
  if (!daemon) return inProcessEncoder(paths);
  const { AUTO_IDLE_EXIT_MINUTES, findOrStartDaemon } = await import('../daemon/start-daemon.js');
  return daemonEncoder((await findOrStartDaemon({ paths, idleExitMinutes: AUTO_IDLE_EXIT_MINUTES })).client);
}
