/** Step 3: whether the device computes what it should. */
import { askFor, unavailable } from './ask.js';
import type { Step } from './verdict.js';

export const numbersStep: Step = async (environment) => {
  try {
    const { device, ops } = await askFor(environment, { type: 'numbers' }, 'numbers');
    const facts = { device, ops };
    // Not a number is wrong, too.
    const wrong = ops.filter(({ error, limit }) => !(error <= limit));
    const worst = Math.max(...ops.map(({ error }) => error));
    if (wrong.length === 0) {
      const found = `${ops.length} operations on the ${device} agree with float64, largest error ${worst.toExponential(1)}`;
      return [{ name: 'numbers', verdict: 'ok', found, facts }];
    }
    const shown = wrong.map(({ op, error }) => `${op} (${error.toExponential(1)})`).join(', ');
    const advice = 'send in the JSON of this test';
    return [{ name: 'numbers', verdict: 'failed', found: `wrong results: ${shown}`, facts, advice }];
  } catch (error) {
    return [unavailable('numbers', error)];
  }
};
