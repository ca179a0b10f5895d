/** Sotto's sessions: decode steps at fixed positions of the audio, with measured durations in simulated time. */
import type { Recognizer } from '#daemon/models/speech-model.js';
import type { LiveSpeech, LiveUpdate } from '#daemon/models/streaming/live-speech.js';
import {
  agreementAndAlignAtt,
  agreementThenAlignAtt,
  alignAtt,
  localAgreement,
  type CommitPolicy,
} from '#daemon/models/streaming/commit-policy.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { LiveWhisper } from '#daemon/models/whisper/streaming/live-whisper.js';
import type { StreamingConfig } from '#daemon/models/whisper/streaming/streaming-config.js';
import { streamOf, transcribe } from '../in-process.js';
import { type WordEnd, type TextUpdate, type Session, sessionOf } from './session-figures.js';

const SAMPLE_RATE = 16_000;
const neverAborted = new AbortController().signal;

export interface Spoken {
  readonly clip: string;
  readonly samples: Float32Array;
  readonly language: string;
  readonly truth: readonly WordEnd[];
}

/** `own` is the default configuration; the others are single policies for comparison. */
export function streamingConfigNamed(name: string): Partial<StreamingConfig> {
  return name === 'own' ? {} : { policy: policyNamed(name) };
}

function policyNamed(name: string): CommitPolicy {
  const frames = Number(name.replace(/^\D+/, ''));
  if (name === 'la') return localAgreement();
  if (name.startsWith('aa')) return alignAtt(frames);
  if (name.startsWith('mix')) return agreementThenAlignAtt(frames);
  if (name.startsWith('both')) return agreementAndAlignAtt(frames);
  throw new Error(`unknown policy ${name}; choose from own, la, aa25, mix25, both15`);
}

export async function runSottoSession(
  model: Recognizer,
  { clip, samples, language, truth }: Spoken,
  { config, stepSeconds, refine }: { config: Partial<StreamingConfig>; stepSeconds: number; refine: boolean },
): Promise<Session> {
  let encodedFrames = 0;
  const live = startLive(model, language, config, (frames) => (encodedFrames += frames));
  const step = Math.round(stepSeconds * SAMPLE_RATE);
  const updates: TextUpdate[] = [];
  const clock = new Stopwatch();
  const record = ({ committed, tentative }: LiveUpdate): void => {
    updates.push({ at: clock.at, committed: committed.map(({ word }) => word).join(''), tentative });
  };
  let at = 0;
  for (; at + step <= samples.length; at += step) {
    live.push(samples.subarray(at, at + step));
    record(await clock.run((at + step) / SAMPLE_RATE, () => live.update(neverAborted)));
  }
  const audioSeconds = samples.length / SAMPLE_RATE;
  live.push(samples.subarray(at));
  record(await clock.run(audioSeconds, () => live.finish(neverAborted)));
  const [computeSeconds, cpuSeconds] = [clock.wallSeconds, clock.cpuSeconds];
  const session = sessionOf({
    clip,
    updates,
    language,
    truth,
    audioSeconds,
    computeSeconds,
    cpuSeconds,
    encodedFrames: model instanceof WhisperModel ? encodedFrames : undefined,
  });
  if (!refine || !live.hasText) {
    live.dispose();
    return session;
  }
  const options = { language, wordTimestamps: canTimeWords(model) };
  const result = await clock.run(
    audioSeconds,
    async () =>
      (await live.refine?.(neverAborted)) ?? (await transcribe(model, streamOf(samples), options)).result,
  );
  const text = live.prefers(result) ? result.text : session.text;
  live.dispose();
  return { ...session, refined: { text, seconds: clock.at - audioSeconds } };
}

export const canTimeWords = ({ capabilities }: Recognizer): boolean =>
  capabilities.transcribe?.wordTimestamps === true;

/** @throws Error for a configuration that the family does not have */
function startLive(
  model: Recognizer,
  language: string,
  config: Partial<StreamingConfig>,
  onEncoded: (frames: number) => void,
): LiveSpeech {
  if (model instanceof WhisperModel) {
    const onDecodeStep = ({ encodedFrames }: { encodedFrames: number }): void => onEncoded(encodedFrames);
    return new LiveWhisper(model.deps, { language, config, onDecodeStep });
  }
  if (Object.keys(config).length > 0) throw new Error(`only Whisper has other policies: use --policies own`);
  const live = model.stream?.({ language });
  if (live === undefined) throw new Error(`${model.name} cannot stream`);
  return live;
}

/** Simulated clock: work starts when its audio is available and the previous work is done. */
export class Stopwatch {
  at = 0;
  wallSeconds = 0;
  cpuSeconds = 0;

  async run<T>(receivedSeconds: number, work: () => Promise<T>): Promise<T> {
    const [begin, cpu] = [performance.now(), process.cpuUsage()];
    const result = await work();
    const { user, system } = process.cpuUsage(cpu);
    this.add(receivedSeconds, (performance.now() - begin) / 1000, (user + system) / 1e6);
    return result;
  }

  add(receivedSeconds: number, wallSeconds: number, cpuSeconds: number): void {
    this.wallSeconds += wallSeconds;
    this.cpuSeconds += cpuSeconds;
    this.at = Math.max(this.at, receivedSeconds) + wallSeconds;
  }
}
