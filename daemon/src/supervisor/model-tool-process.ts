/** Runs engine/model-tool.ts as a child process, which loads MLX and works on model files. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { throwIfCancelled } from '../async.js';
import { SottoError } from '../protocol/errors.js';
import type { Alignment } from '../protocol/aligned-text.js';
import {
  modelReplySchema,
  type FootprintBytes,
  type ModelDescription,
  type ModelMetadata,
  type ModelMeasurement,
  type ModelReply,
  type ModelRequest,
} from '../protocol/model-process.js';

export type Stage = Extract<ModelReply, { type: 'progress' }>['stage'];

interface ModelToolOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (stage: Stage, fraction: number) => void;
}

/** The module; tests replace it. */
const toolPath = (): string =>
  process.env.SOTTO_MODEL_TOOL ?? fileURLToPath(new URL('../engine/model-tool.js', import.meta.url));

type Progress = Extract<ModelReply, { type: 'progress' }>;
type Failed = Extract<ModelReply, { type: 'failed' }>;
type Answer = Exclude<ModelReply, Progress | Failed>;

/** @throws SottoError CANCELLED after the process has removed its temporary files */
export async function runModelTool(
  request: Extract<ModelRequest, { type: 'inspect' | 'convert' }>,
  options: ModelToolOptions,
): Promise<ModelMetadata> {
  const answer = await runTool(request, options);
  if (answer.type === 'done') return answer.facts;
  throw unexpected(answer);
}

/** Predicts the device memory of a model from its file headers. @throws SottoError */
export async function predictFootprint(dir: string, signal: AbortSignal): Promise<FootprintBytes> {
  const answer = await runTool({ type: 'footprint', dir }, { signal });
  if (answer.type === 'footprint') return answer.footprint;
  throw unexpected(answer);
}

/** Says what a model can do, from its configuration alone. @throws SottoError MODEL_UNSUPPORTED, MODEL_CORRUPT */
export async function describeModel(dir: string, signal: AbortSignal): Promise<ModelDescription> {
  const [model] = await describe([dir], signal);
  if (model === undefined) throw new SottoError('INTERNAL', 'the model tool described nothing');
  if ('error' in model) throw SottoError.fromWire(model.error);
  return model;
}

/** The same for several models; undefined for one that no family recognizes, or that is damaged. */
export async function describeModels(
  dirs: readonly string[],
  signal: AbortSignal = new AbortController().signal,
): Promise<(ModelDescription | undefined)[]> {
  return (await describe(dirs, signal)).map((model) => ('error' in model ? undefined : model));
}

async function describe(dirs: readonly string[], signal: AbortSignal) {
  const answer = await runTool({ type: 'describe', dirs: [...dirs] }, { signal });
  if (answer.type === 'descriptions') return answer.models;
  throw unexpected(answer);
}

/** Loads a model in a fresh process and measures it on clips. @throws SottoError */
export async function measureModel(
  request: Omit<Extract<ModelRequest, { type: 'measure' }>, 'type'>,
  options: ModelToolOptions,
): Promise<ModelMeasurement> {
  const answer = await runTool({ type: 'measure', ...request }, options);
  if (answer.type === 'measurement') return answer.measurement;
  throw unexpected(answer);
}

/** Finds the times of a text in an audio file. @throws SottoError */
export async function alignText(
  request: Omit<Extract<ModelRequest, { type: 'align' }>, 'type'>,
  options: ModelToolOptions,
): Promise<Alignment> {
  const answer = await runTool({ type: 'align', ...request }, options);
  if (answer.type === 'alignment') return answer.alignment;
  throw unexpected(answer);
}

const unexpected = ({ type }: Answer): SottoError =>
  new SottoError('INTERNAL', `unexpected reply from the model tool: "${type}"`);

async function runTool(
  request: Exclude<ModelRequest, { type: 'cancel' }>,
  { signal, onProgress }: ModelToolOptions,
): Promise<Answer> {
  throwIfCancelled(signal);
  const child = fork(toolPath(), [], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: ['--no-warnings'],
  });
  let stderrTail = '';
  child.stderr?.on(
    'data',
    (chunk: Buffer) => (stderrTail = `${stderrTail}${chunk.toString()}`.slice(-2_000)),
  );
  const cancel = () => void child.send({ type: 'cancel' } satisfies ModelRequest, () => undefined);
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await new Promise<Answer>((resolve, reject) => {
      child.on('message', (value) => {
        const reply = v.parse(modelReplySchema, value);
        if (reply.type === 'progress') onProgress?.(reply.stage, reply.fraction);
        else if (reply.type === 'failed') reject(SottoError.fromWire(reply.error));
        else resolve(reply);
      });
      const fail = (why: string) =>
        reject(
          new SottoError('ENGINE_CRASHED', `the model tool crashed: ${why}`, {
            hint: stderrTail.trim().split('\n').at(-1) ?? '',
          }),
        );
      child.on('error', (error) => fail(error.message));
      child.on('exit', (code, by) => {
        const reportExit = () => fail(by === null ? `exit code ${code}` : `killed by ${by}`);
        // Its last message may still arrive.
        if (child.connected) child.once('disconnect', reportExit);
        else reportExit();
      });
      child.send(request, () => undefined);
    });
  } finally {
    signal.removeEventListener('abort', cancel);
    if (child.connected) child.disconnect();
  }
}
