/** Step 3: whether the device computes correct values. */
import type { ReferenceResult } from '../../../protocol/selftest-process.js';
import { sendFor, unavailable } from '../selftest-process.js';
import { skipped, type Environment, type Step, type CheckResult } from '../check-result.js';

const SEND_IN = 'send in the JSON of this test';

export const numbersStep: Step = async function* (environment) {
  try {
    yield await operations(environment);
  } catch (error) {
    yield unavailable('numbers', error);
  }
  try {
    const { reference: file, model, clip } = environment;
    const request = { type: 'reference', file, dir: model.dir, clip: clip.file } as const;
    const { facts } = await sendFor(environment, request, 'reference');
    if (!facts.sameWeights || !facts.sameClip) {
      const what = facts.sameClip ? 'the starter model' : 'the sample clip';
      yield skipped('encoder', `${what} doesn’t match the reference values`, 'reinstall Sotto', facts);
      return;
    }
    yield encoder(facts);
    yield tokens(facts);
  } catch (error) {
    yield unavailable('encoder', error);
  }
};

async function operations(environment: Environment): Promise<CheckResult> {
  const { device, ops } = await sendFor(environment, { type: 'numbers' }, 'numbers');
  const facts = { device, ops };
  // The negation makes NaN wrong, too.
  const wrong = ops.filter(({ error, limit }) => !(error <= limit));
  const worst = Math.max(...ops.map(({ error }) => error));
  if (wrong.length === 0) {
    const message = `${ops.length} operations on the ${device} agree with float64, largest error ${worst.toExponential(1)}`;
    return { name: 'numbers', status: 'ok', message, facts };
  }
  const shown = wrong.map(({ op, error }) => `${op} (${error.toExponential(1)})`).join(', ');
  return { name: 'numbers', status: 'failed', message: `wrong results: ${shown}`, facts, advice: SEND_IN };
}

function encoder({ device, encoderError: error, encoderLimit: limit }: ReferenceResult): CheckResult {
  const facts = { device, error, limit };
  const message = `output on the ${device} vs. mlx-whisper: largest error ${error.toExponential(1)} (limit ${limit})`;
  return error <= limit
    ? { name: 'encoder', status: 'ok', message, facts }
    : { name: 'encoder', status: 'failed', message, facts, advice: SEND_IN };
}

function tokens({ tokens: all, equalTokens, differing, marginLimit }: ReferenceResult): CheckResult {
  const facts = { tokens: all, equalTokens, differing, marginLimit };
  const message = `${equalTokens} of ${all} match mlx-whisper`;
  const wrong = differing.filter(({ margin }) => margin >= marginLimit);
  if (wrong.length > 0) return { name: 'tokens', status: 'failed', message, facts, advice: SEND_IN };
  const ties = differing.length === 0 ? '' : `, the others are near ties`;
  return { name: 'tokens', status: 'ok', message: `${message}${ties}`, facts };
}
