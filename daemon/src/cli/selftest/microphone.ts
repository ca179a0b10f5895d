/** Step 5: which app macOS asks about the microphone. Recording itself needs a person: the step reads what macOS logged. */
import { macOnly, skipped, type Step } from './verdict.js';

const SERVICE = 'kTCCServiceMicrophone';
const PREDICATE = 'subsystem == "com.apple.TCC" AND eventMessage CONTAINS "AttributionChain"';

export const microphoneStep: Step = async ({ os, run }) => {
  if (os !== 'darwin') return [macOnly('microphone')];
  const log = ['show', '--last', '10m', '--style', 'compact', '--info', '--debug', '--predicate'];
  const { code, stdout } = await run('log', [
    ...log,
    `${PREDICATE} OR (subsystem == "com.apple.TCC" AND eventMessage CONTAINS "${SERVICE}")`,
  ]);
  if (code !== 0)
    return [skipped('microphone', 'macOS shows no log to this user', 'run it as an administrator')];
  const responsible = lastMatch(stdout, /(?:RESP:\{ID: |responsible=\{TCCDProcess: identifier=)([^,}]+)/g);
  const accessing = lastMatch(stdout, /(?:ACC:\{ID: |accessing=\{TCCDProcess: identifier=)([^,}]+)/g);
  if (!stdout.includes(SERVICE) || (responsible ?? accessing) === undefined) {
    const advice = 'dictate once, then run it again within 10 minutes';
    return [skipped('microphone', 'nothing asked for the microphone in the last 10 minutes', advice)];
  }
  const isDenied = /AUTHREQ_RESULT[^\n]*authValue=0/.test(stdout);
  const found = `macOS asks on behalf of ${responsible ?? accessing}`;
  const facts = { responsible, accessing, isDenied };
  return isDenied
    ? [
        {
          ...{ name: 'microphone', verdict: 'failed', found: `${found}, and it is refused`, facts },
          advice: 'allow it in System Settings › Privacy & Security › Microphone',
        },
      ]
    : [{ name: 'microphone', verdict: 'ok', found, facts }];
};

function lastMatch(text: string, pattern: RegExp): string | undefined {
  return [...text.matchAll(pattern)].at(-1)?.[1];
}
