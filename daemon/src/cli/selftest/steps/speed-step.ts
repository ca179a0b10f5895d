/** Step 4: how fast the machine is, how much of that the models use, and whether the text is right. */
import type { MachineResult, ModelSpeed, ProductTimes } from '../../../protocol/selftest-process.js';
import { LARGE_COMMAND_BUFFERS } from '../../../daemon-core.js';
import { errorsIn, percent } from '../../models/word-errors.js';
import { sendFor, unavailable } from '../selftest-process.js';
import { skipped, type Environment, type NamedModel, type Step, type CheckResult } from '../check-result.js';

/** A correct transcript may have a few errors. */
const MAX_WORD_ERRORS = 0.1;
/** Below this share of the bound, the GPU waits for something other than memory. */
const MIN_SHARE_OF_BOUND = 0.25;

export const speedStep: Step = async function* (environment) {
  try {
    const { facts } = await sendFor(environment, { type: 'machine' }, 'machine');
    yield machine(facts);
    yield host(facts);
    yield cache(facts);
    yield* facts.products.map(product);
    if (facts.products.length === 0)
      yield skipped('products', 'quantized products matter to the encoder on a GPU only');
    const usual = await measure(environment, environment.model, facts);
    yield model(environment, environment.model, usual);
    yield text(environment, usual);
    if (environment.os === 'darwin')
      yield longBuffers(usual, await measure(environment, environment.model, facts, LARGE_COMMAND_BUFFERS));
    const { modelInUse } = environment;
    if (modelInUse !== undefined)
      yield {
        ...model(environment, modelInUse, await measure(environment, modelInUse, facts)),
        name: 'model in use',
      };
  } catch (error) {
    yield unavailable('speed', error);
  }
  yield skipped('first word after idle', 'skipped here: it takes 10 minutes of idling');
};

async function measure(
  environment: Environment,
  { dir }: NamedModel,
  { readGbPerSecond }: MachineResult,
  env?: Readonly<Record<string, string>>,
): Promise<ModelSpeed> {
  const request = { type: 'model', dir, clip: environment.clip.file, readGbPerSecond } as const;
  return (await sendFor(environment, request, 'model', env)).facts;
}

function machine({ readGbPerSecond, gflops }: MachineResult): CheckResult {
  const message = `memory ${readGbPerSecond.toFixed(0)} GB/s, products ${(gflops / 1000).toFixed(2)} TFLOP/s`;
  return { name: 'machine', status: 'ok', message, facts: { readGbPerSecond, gflops } };
}

function host({ hostMicrosPerOp, readyP50Ms, readyP95Ms }: MachineResult): CheckResult {
  const trip = `a round trip ${readyP50Ms.toFixed(2)} ms (p95 ${readyP95Ms.toFixed(2)} ms)`;
  const message = `${hostMicrosPerOp.toFixed(1)} µs per operation, ${trip}`;
  return { name: 'host', status: 'ok', message, facts: { hostMicrosPerOp, readyP50Ms, readyP95Ms } };
}

function cache({ cacheCopies }: MachineResult): CheckResult {
  const facts = { cacheCopies };
  if (cacheCopies === 0)
    return { name: 'cache', status: 'ok', message: 'keys and values are written in place', facts };
  return {
    ...{ name: 'cache', status: 'warn', facts, advice: 'send in the JSON of this test' },
    message: `keys and values are copied at each token (${cacheCopies} more buffers at the peak)`,
  };
}

/** The faster one decides whether an encoder should be dequantized on a GPU. */
function product({ rows, width, packedMs, plainMs }: ProductTimes): CheckResult {
  const ratio = packedMs / plainMs;
  const times = `${packedMs.toFixed(2)} ms vs. ${plainMs.toFixed(2)} ms`;
  const message = `6 bits take ${ratio.toFixed(2)}× the time of float16 (${times}, ${rows} rows)`;
  const facts = { rows, width, packedMs, plainMs, ratio };
  return { name: `product of width ${width}`, status: 'ok', message, facts };
}

function model({ os }: Environment, { name }: NamedModel, facts: ModelSpeed): CheckResult {
  const { encodeMs, tokensPerSecond, boundTokensPerSecond, loadSeconds, warmUpSeconds } = facts;
  const part = tokensPerSecond / boundTokensPerSecond;
  const rate = `${tokensPerSecond.toFixed(0)} tokens/s, ${(100 * part).toFixed(0)}% of the bound`;
  const first = `loaded in ${loadSeconds.toFixed(1)} s, first run ${warmUpSeconds.toFixed(1)} s`;
  const message = `${name}: encoder ${encodeMs.toFixed(0)} ms, ${rate}; ${first}`;
  const { text: _, ...figures } = facts;
  const isSlow = os === 'darwin' && part < MIN_SHARE_OF_BOUND;
  return {
    ...{ name: 'model', status: isSlow ? 'warn' : 'ok', message },
    facts: { ...figures, model: name, partOfBound: part },
    ...(isSlow && { advice: 'close other programs and run it again on mains power' }),
  };
}

function text({ clip }: Environment, { text: transcript }: ModelSpeed): CheckResult {
  const errors = errorsIn(clip.text, transcript, 'en');
  const facts = { ...errors, transcript };
  const message = `word errors ${percent(errors)} on the sample`;
  return errors.errors <= MAX_WORD_ERRORS * errors.spoken
    ? { name: 'text', status: 'ok', message, facts }
    : {
        ...{ name: 'text', status: 'failed', message, facts },
        advice: 'check the model with `sotto models verify`',
      };
}

function longBuffers(usual: ModelSpeed, long: ModelSpeed): CheckResult {
  const gain = long.tokensPerSecond / usual.tokensPerSecond - 1;
  const change = `${gain >= 0 ? '+' : '−'}${Math.abs(100 * gain).toFixed(0)}%`;
  const { tokensPerSecond, encodeMs } = long;
  const facts = { gain, tokensPerSecond, encodeMs, ...LARGE_COMMAND_BUFFERS };
  return { name: 'buffers', status: 'ok', message: `${change} tokens/s with longer command buffers`, facts };
}
