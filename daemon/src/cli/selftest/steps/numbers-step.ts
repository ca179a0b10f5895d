/** Step 3: whether the device computes what it should. */
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
      yield skipped(
        'encoder',
        `${what} is not the one that the numbers were made with`,
        'reinstall Sotto',
        facts,
      );
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
  // Not a number is wrong, too.
  const wrong = ops.filter(({ error, limit }) => !(error <= limit));
  const worst = Math.max(...ops.map(({ error }) => error));
  if (wrong.length === 0) {
    const found = `${ops.length} operations on the ${device} agree with float64, largest error ${worst.toExponential(1)}`;
    return { name: 'numbers', status: 'ok', found, facts };
  }
  const shown = wrong.map(({ op, error }) => `${op} (${error.toExponential(1)})`).join(', ');
  return { name: 'numbers', status: 'failed', found: `wrong results: ${shown}`, facts, advice: SEND_IN };
}

function encoder({ device, encoderError: error, encoderLimit: limit }: ReferenceResult): CheckResult {
  const facts = { device, error, limit };
  const found = `output on the ${device} against mlx-whisper’s, largest error ${error.toExponential(1)} (at most ${limit})`;
  return error <= limit
    ? { name: 'encoder', status: 'ok', found, facts }
    : { name: 'encoder', status: 'failed', found, facts, advice: SEND_IN };
}

function tokens({ tokens: all, equalTokens, differing, marginLimit }: ReferenceResult): CheckResult {
  const facts = { tokens: all, equalTokens, differing, marginLimit };
  const found = `${equalTokens} of ${all} are mlx-whisper’s`;
  const wrong = differing.filter(({ margin }) => margin >= marginLimit);
  if (wrong.length > 0) return { name: 'tokens', status: 'failed', found, facts, advice: SEND_IN };
  const ties = differing.length === 0 ? '' : `, the others are near ties`;
  return { name: 'tokens', status: 'ok', found: `${found}${ties}`, facts };
}
