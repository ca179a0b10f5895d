/** Step 4: what the machine can do, how much of it the model uses, and whether its text is right. */
import type { SpeedFacts } from '../../protocol/selftest-work.js';
import { errorsIn, percent } from '../word-errors.js';
import { askFor, unavailable } from './ask.js';
import type { Environment, Step, Verdict } from './verdict.js';

/** Metal commits its work after so many operations; more of them at once were faster for others. */
const LONG_BUFFERS = { MLX_MAX_OPS_PER_BUFFER: '200', MLX_MAX_MB_PER_BUFFER: '400' };
/** A right text has a slip or two. */
const MAX_WORD_ERRORS = 0.1;
/** Below this part of the bound the GPU waits for something else than its memory. */
const MIN_PART_OF_BOUND = 0.25;

export const speedStep: Step = async (environment) => {
  try {
    const facts = await measure(environment);
    const found = [
      machine(facts),
      host(facts),
      cache(facts),
      model(environment, facts),
      text(environment, facts),
    ];
    if (environment.os === 'darwin') found.push(longBuffers(facts, await measure(environment, LONG_BUFFERS)));
    return found;
  } catch (error) {
    return [unavailable('speed', error)];
  }
};

async function measure(
  environment: Environment,
  env?: Readonly<Record<string, string>>,
): Promise<SpeedFacts> {
  const request = { type: 'speed', dir: environment.model.dir, clip: environment.clip.file } as const;
  return (await askFor(environment, request, 'speed', env)).facts;
}

function machine({ readGbPerSecond, gflops }: SpeedFacts): Verdict {
  const found = `memory ${readGbPerSecond.toFixed(0)} GB/s, products ${(gflops / 1000).toFixed(2)} TFLOP/s`;
  return { name: 'machine', verdict: 'ok', found, facts: { readGbPerSecond, gflops } };
}

function host({ hostMicrosPerOp, readyP50Ms, readyP95Ms }: SpeedFacts): Verdict {
  const trip = `a round trip ${readyP50Ms.toFixed(2)} ms (p95 ${readyP95Ms.toFixed(2)} ms)`;
  const found = `${hostMicrosPerOp.toFixed(1)} µs for each operation, ${trip}`;
  return { name: 'host', verdict: 'ok', found, facts: { hostMicrosPerOp, readyP50Ms, readyP95Ms } };
}

function cache({ cacheCopies }: SpeedFacts): Verdict {
  const facts = { cacheCopies };
  if (cacheCopies === 0)
    return { name: 'cache', verdict: 'ok', found: 'keys and values are written in place', facts };
  return {
    ...{ name: 'cache', verdict: 'warn', facts, advice: 'send in the JSON of this test' },
    found: `keys and values are copied at each token (${cacheCopies} more buffers at the peak)`,
  };
}

function model({ os, model: { name } }: Environment, facts: SpeedFacts): Verdict {
  const { encodeMs, tokensPerSecond, boundTokensPerSecond, loadSeconds, warmUpSeconds } = facts;
  const part = tokensPerSecond / boundTokensPerSecond;
  const rate = `${tokensPerSecond.toFixed(0)} tokens/s, ${(100 * part).toFixed(0)} % of the bound`;
  const found = `${name}: encoder ${encodeMs.toFixed(0)} ms, ${rate}; loaded in ${loadSeconds.toFixed(1)} s`;
  const { text: _, ...figures } = facts;
  const isSlow = os === 'darwin' && part < MIN_PART_OF_BOUND;
  return {
    ...{ name: 'model', verdict: isSlow ? 'warn' : 'ok', found },
    facts: { ...figures, model: name, partOfBound: part, warmUpSeconds },
    ...(isSlow && { advice: 'close other programs and run it again on mains power' }),
  };
}

function text({ clip }: Environment, { text: heard }: SpeedFacts): Verdict {
  const errors = errorsIn(clip.text, heard, 'en');
  const facts = { ...errors, heard };
  const found = `word errors ${percent(errors)} on the sample`;
  return errors.errors <= MAX_WORD_ERRORS * errors.spoken
    ? { name: 'text', verdict: 'ok', found, facts }
    : {
        ...{ name: 'text', verdict: 'failed', found, facts },
        advice: 'check the model: `sotto models verify`',
      };
}

function longBuffers(usual: SpeedFacts, long: SpeedFacts): Verdict {
  const gain = long.tokensPerSecond / usual.tokensPerSecond - 1;
  const found = `${gain >= 0 ? '+' : '−'}${Math.abs(100 * gain).toFixed(0)} % tokens/s with longer command buffers`;
  const { tokensPerSecond, encodeMs } = long;
  return {
    name: 'buffers',
    verdict: 'ok',
    found,
    facts: { gain, tokensPerSecond, encodeMs, ...LONG_BUFFERS },
  };
}
