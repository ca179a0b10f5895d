/** Dictates the sample clip in real time through the daemon and measures when its words arrive. */
import { Dictation, type SottoClient } from '../../../client/index.js';
import { SottoError } from '../../../protocol/errors.js';
import { FileAudioSource } from '../../../capture/file-audio-source.js';
import { errorsIn, percent } from '../../models/word-errors.js';
import { parsePower, powermetricsArguments } from '../powermetrics.js';
import { macOnly, skipped, unknown, type Environment, type CheckResult } from '../check-result.js';

/** The model must be loaded before the dictation starts. */
const READY_TIMEOUT_MS = 15_000;
const POLL_INTERVAL_MS = 100;
/** Part of the dictation in which powermetrics measures. */
const MEASURED_SECONDS = 10;
const MAX_COMMIT_SECONDS = 5;
const MAX_WORD_ERRORS = 0.1;

export async function* dictationChecks(environment: Environment): AsyncGenerator<CheckResult, void> {
  const { os, uid, run, daemon } = environment;
  const client = await daemon.connect();
  try {
    await untilReady(client, environment);
    const mayMeasure = os === 'darwin' && uid === 0;
    const measuring = mayMeasure ? run('powermetrics', powermetricsArguments(MEASURED_SECONDS)) : undefined;
    yield await dictate(client, environment);
    if (os !== 'darwin') yield macOnly('power');
    else if (measuring === undefined)
      yield skipped(
        'power',
        'powermetrics needs root',
        'run this test with sudo to measure GPU use and power',
      );
    else {
      const { stdout, stderr } = await measuring;
      const used = parsePower(stdout);
      if (used === undefined) yield unknown('power', 'output of powermetrics', `${stderr}\n${stdout}`);
      else {
        const share = used.share === undefined ? '' : `GPU busy ${(100 * used.share).toFixed(0)}%`;
        const watts = used.watts === undefined ? '' : `GPU ${used.watts.toFixed(1)} W`;
        const message = [share, watts].filter((part) => part !== '').join(', ');
        yield { name: 'power', status: 'ok', message: `${message} during the dictation`, facts: { ...used } };
      }
    }
  } finally {
    client.close();
  }
}

/** @throws SottoError MODEL_NOT_READY */
async function untilReady(client: SottoClient, { sleep, signal }: Environment): Promise<void> {
  for (let waitedMs = 0; waitedMs < READY_TIMEOUT_MS && !signal.aborted; waitedMs += POLL_INTERVAL_MS) {
    const { state, reason } = await client.status();
    if (state === 'ready') return;
    if (state === 'degraded') throw new SottoError('ENGINE_UNAVAILABLE', reason ?? 'the daemon is degraded');
    await sleep(POLL_INTERVAL_MS);
  }
  throw new SottoError('MODEL_NOT_READY', 'the model was not ready within 15 s');
}

async function dictate(client: SottoClient, { clip, signal }: Environment): Promise<CheckResult> {
  const dictation = Dictation.open({
    connect: () => Promise.resolve(client),
    isShared: true,
    options: { language: 'en' },
  });
  const source = new FileAudioSource(clip.file, { ready: () => dictation.ready });
  const stop = (): void => {
    source.stop();
    dictation.cancel();
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    const { durationSeconds = 0 } = await source.open();
    source.start({
      pcm: (samples) => dictation.push(samples),
      end: () => dictation.finish(),
      failed: () => dictation.cancel(),
    });
    const delays: number[] = [];
    let firstTextSeconds: number | undefined;
    for await (const event of dictation.events()) {
      const seconds = (performance.now() - (dictation.firstSentMs ?? performance.now())) / 1000;
      if ((event.type === 'committed' || event.type === 'tentative') && event.text.trim() !== '')
        firstTextSeconds ??= seconds;
      if (event.type === 'committed') delays.push(...event.words.map(({ end }) => seconds - end));
      if (event.type === 'failed') throw SottoError.fromWire(event.error);
      if (event.type === 'cancelled') throw new SottoError('CANCELLED', 'the dictation was cancelled');
      if (event.type === 'final') {
        const finalSeconds = seconds - durationSeconds;
        return toCheckResult({
          delays,
          firstTextSeconds,
          finalSeconds,
          text: event.text,
          expected: clip.text,
        });
      }
    }
    throw new SottoError('INTERNAL', 'the dictation ended without a text');
  } finally {
    signal.removeEventListener('abort', stop);
    source.stop();
  }
}

function toCheckResult(dictated: {
  delays: number[];
  firstTextSeconds: number | undefined;
  /** From the end of the audio to the final text. */
  finalSeconds: number;
  text: string;
  expected: string;
}): CheckResult {
  const { delays, firstTextSeconds, finalSeconds, text, expected } = dictated;
  const [p50, p90] = [quantile(delays, 0.5), quantile(delays, 0.9)];
  const errors = errorsIn(expected, text, 'en');
  const facts = {
    firstTextSeconds,
    commitP50: p50,
    commitP90: p90,
    words: delays.length,
    finalSeconds,
    ...errors,
    text,
  };
  const name = 'dictation';
  const first = `first word after ${seconds(firstTextSeconds)}`;
  const commits = `words committed ${seconds(p50)} after they end (p90 ${seconds(p90)})`;
  const message = `${first}, ${commits}, word errors ${percent(errors)}`;
  if (errors.errors > MAX_WORD_ERRORS * errors.spoken)
    return { name, status: 'failed', message, facts, advice: 'send in the JSON of this test' };
  if ((p90 ?? Infinity) > MAX_COMMIT_SECONDS)
    return {
      name,
      status: 'warn',
      message,
      facts,
      advice: 'close other programs, or choose a smaller model',
    };
  return { name, status: 'ok', message, facts };
}

function quantile(values: readonly number[], part: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
}

function seconds(value: number | undefined): string {
  return value === undefined ? 'unknown' : `${value.toFixed(1)} s`;
}
