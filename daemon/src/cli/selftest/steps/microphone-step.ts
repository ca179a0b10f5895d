/** Step 5: records a second of audio, and finds the app whose permission macOS checked. */
import { microphoneError } from '../../../capture/microphone/mic-errors.js';
import { unavailable } from '../selftest-process.js';
import { lastRequest, microphoneLines } from '../tcc-log.js';
import { macOnly, skipped, unknown, type Environment, type Step, type CheckResult } from '../check-result.js';

const PRIVACY = 'System Settings › Privacy & Security › Microphone';

export const microphoneStep: Step = async function* (environment) {
  try {
    yield await recording(environment);
  } catch (error) {
    yield unavailable('microphone', error);
  }
  yield environment.os === 'darwin' ? await responsibleApp(environment) : macOnly('microphone permission');
};

async function recording({ os, record }: Environment): Promise<CheckResult> {
  const name = 'microphone';
  const recorded = await record();
  switch (recorded.type) {
    case 'hung':
      return {
        ...{ name, status: 'failed', message: 'did not open within 8 s', facts: { ...recorded } },
        advice: `answer the macOS prompt, or allow this terminal in ${PRIVACY}`,
      };
    case 'failed': {
      const { failure } = recorded;
      const { message, hint } = microphoneError(failure);
      // A machine without a microphone or an audio system isn't broken.
      const isAbsent = failure.reason === 'none' || (os !== 'darwin' && failure.reason !== 'denied');
      if (isAbsent) return skipped(name, message, undefined, { failure });
      return { name, status: 'failed', message, facts: { failure }, advice: hint };
    }
    case 'recorded': {
      const { type: _, ...facts } = recorded;
      const { device, rate, openMs, firstAudioMs } = recorded;
      const opened = `${device} at ${rate} Hz, open after ${openMs.toFixed(0)} ms`;
      if (firstAudioMs === undefined) {
        const advice = `allow this terminal in ${PRIVACY}, and check that the microphone is not muted`;
        return { name, status: 'failed', message: `${opened}, but every sample is zero`, facts, advice };
      }
      return {
        name,
        status: 'ok',
        message: `${opened}, first audio after ${firstAudioMs.toFixed(0)} ms`,
        facts,
      };
    }
  }
}

async function responsibleApp({ run }: Environment): Promise<CheckResult> {
  const name = 'microphone permission';
  const { code, stdout, stderr } = await run('log', [
    ...['show', '--last', '1m', '--style', 'compact', '--info', '--debug'],
    ...['--predicate', 'subsystem == "com.apple.TCC"'],
  ]);
  if (code !== 0)
    return skipped(name, 'this user can’t read the macOS log', 'run it as an administrator', {
      raw: stderr.slice(0, 500),
    });
  const lines = microphoneLines(stdout);
  if (lines.length === 0) return skipped(name, 'macOS logged no microphone request in the last minute');
  const request = lastRequest(stdout);
  if (request === undefined) return unknown(name, 'macOS log', lines.join('\n'));
  const { responsible, accessing, isAllowed } = request;
  const message = `macOS checks the permission of ${responsible ?? accessing ?? 'unknown'}`;
  const facts = { ...request, raw: lines.join('\n').slice(-2_000) };
  if (isAllowed !== false) return { name, status: 'ok', message, facts };
  const advice = `allow it in ${PRIVACY}`;
  return { name, status: 'failed', message: `${message}: denied`, facts, advice };
}
