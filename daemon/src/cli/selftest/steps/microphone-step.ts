/** Step 5: a second of sound from the microphone, and which app macOS asked about it. */
import { microphoneError } from '../../microphone/mic-errors.js';
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
  yield environment.os === 'darwin' ? await responsibleApp(environment) : macOnly('microphone’s app');
};

async function recording({ os, record }: Environment): Promise<CheckResult> {
  const name = 'microphone';
  const recorded = await record();
  switch (recorded.type) {
    case 'hung':
      return {
        ...{ name, status: 'failed', found: 'it did not open within 8 s', facts: { ...recorded } },
        advice: `answer the prompt of macOS, or allow this terminal in ${PRIVACY}`,
      };
    case 'failed': {
      const { failure } = recorded;
      const { message, hint } = microphoneError(failure);
      // A machine without a microphone, or without a sound system, is not broken.
      const isAbsent = failure.reason === 'none' || (os !== 'darwin' && failure.reason !== 'denied');
      if (isAbsent) return skipped(name, message, undefined, { failure });
      return { name, status: 'failed', found: message, facts: { failure }, advice: hint };
    }
    case 'recorded': {
      const { type: _, ...facts } = recorded;
      const { device, rate, openMs, firstAudioMs } = recorded;
      const opened = `${device} at ${rate} Hz, open after ${openMs.toFixed(0)} ms`;
      if (firstAudioMs === undefined) {
        const advice = `allow this terminal in ${PRIVACY}, and check that the microphone is not muted`;
        return { name, status: 'failed', found: `${opened}, but every sample is zero`, facts, advice };
      }
      return {
        name,
        status: 'ok',
        found: `${opened}, first sound after ${firstAudioMs.toFixed(0)} ms`,
        facts,
      };
    }
  }
}

async function responsibleApp({ run }: Environment): Promise<CheckResult> {
  const name = 'microphone’s app';
  const { code, stdout, stderr } = await run('log', [
    ...['show', '--last', '1m', '--style', 'compact', '--info', '--debug'],
    ...['--predicate', 'subsystem == "com.apple.TCC"'],
  ]);
  if (code !== 0)
    return skipped(name, 'macOS shows no log to this user', 'run it as an administrator', {
      raw: stderr.slice(0, 500),
    });
  const lines = microphoneLines(stdout);
  if (lines.length === 0)
    return skipped(name, 'macOS logged no request for the microphone in the last minute');
  const request = lastRequest(stdout);
  if (request === undefined) return unknown(name, 'the log of macOS', lines.join('\n'));
  const { responsible, accessing, isAllowed } = request;
  const found = `macOS asks on behalf of ${responsible ?? accessing ?? 'unknown'}`;
  const facts = { ...request, raw: lines.join('\n').slice(-2_000) };
  if (isAllowed !== false) return { name, status: 'ok', found, facts };
  const advice = `allow it in ${PRIVACY}`;
  return { name, status: 'failed', found: `${found}, and it is refused`, facts, advice };
}
