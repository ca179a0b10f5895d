/**
 * Dictation with nothing faked: engine processes with the starter model, real speech. Sessions that run together,
 * beside a file and after a crash give the text of the model alone at the same positions.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { systemClock } from '#daemon/clock.js';
import { silentLog } from '#daemon/logger.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { packageRoot } from '#daemon/paths.js';
import type { SessionCheckpoint } from '#daemon/protocol/live.js';
import type { DecodeStep } from '#daemon/protocol/ipc.js';
import type { EngineStreamReport } from '#daemon/supervisor/engine.js';
import { toPcm16 } from '#daemon/signal/pcm16.js';
import { Supervisor } from '#daemon/supervisor/supervisor.js';
import { clip, samplesOf, starterModel } from '#test/models/model-fixtures.js';
import { SECOND } from '#test/harness/ramp.js';
import { until } from '#test/harness/wait.js';
import { describeWithEngine } from '#test/harness/real-engine.js';
import { transcribeWork } from '#test/harness/transcribe-work.js';

const speech = clip('jfk.flac');
const withEngine = describeWithEngine();

const options = { language: 'en' };
const never = new AbortController().signal;
const main = join(packageRoot, 'dist', 'daemon', 'src', 'engine', 'main.js');
const SESSION_SAMPLES = 4.5 * SECOND;

let pcm: Int16Array;
let dir: string;
beforeAll(async () => {
  dir = starterModel();
  const samples = (await samplesOf(speech ?? '')).subarray(0, SESSION_SAMPLES);
  pcm = toPcm16(samples);
});

let supervisor: Supervisor | undefined;
afterAll(() => supervisor?.stop());

function begin(): Supervisor {
  supervisor = new Supervisor({ command: { modulePath: main }, clock: systemClock, log: silentLog });
  supervisor.start();
  return supervisor;
}

/** Sends the audio, or what follows a checkpoint, and returns all steps, including the last one. */
async function dictate(
  engine: Supervisor,
  pieceSamples: number,
  checkpoint?: SessionCheckpoint,
): Promise<DecodeStep[]> {
  const fromSample = checkpoint?.fromSample ?? 0;
  const reports: EngineStreamReport[] = [];
  const request = { model: { name: 'starter', dir }, options, fromSample };
  const running = engine.openStream({ ...request, ...(checkpoint && { checkpoint }) }, (report) =>
    reports.push(report),
  );
  await until(() => reports.some(({ type }) => type === 'opened'));
  for (let at = fromSample; at < pcm.length; at += pieceSamples) {
    running.audio(new Uint8Array(pcm.slice(at, at + pieceSamples).buffer));
  }
  running.finish();
  await until(() => ['done', 'failed', 'lost'].includes(reports.at(-1)?.type ?? ''));
  expect(reports.at(-1)?.type).toBe('done');
  return reports.flatMap((report) =>
    report.type === 'update' || report.type === 'done' ? [report.step] : [],
  );
}

async function read(engine: Supervisor): Promise<string[]> {
  const texts: string[] = [];
  const last = await new Promise<string>((resolve) => {
    engine.run(
      { path: speech ?? '', model: { name: 'starter', dir }, work: transcribeWork(options) },
      (report) => {
        if (report.type === 'event' && report.event.type === 'segment') texts.push(report.event.segment.text);
        if (['done', 'failed', 'lost'].includes(report.type)) resolve(report.type);
      },
    );
  });
  expect(last).toBe('done');
  return texts;
}

/** The text of the model alone at the same positions. */
async function alone(model: WhisperModel, steps: readonly DecodeStep[]): Promise<[number, string][]> {
  const live = model.stream(options);
  const textBySample: [number, string][] = [];
  let at = 0;
  for (const [n, { decodedSamples }] of steps.entries()) {
    live.push(Float32Array.from(pcm.subarray(at, decodedSamples), (sample) => sample / 32_768));
    at = decodedSamples;
    const { committed } = await (n === steps.length - 1 ? live.finish(never) : live.update(never));
    textBySample.push([decodedSamples, committed.map(({ word }) => word).join('')]);
  }
  live.dispose();
  return textBySample;
}

function textBySample(steps: readonly DecodeStep[]): [number, string][] {
  return steps.map(({ decodedSamples, committed }) => [
    decodedSamples,
    committed.map(({ word }) => word).join(''),
  ]);
}

withEngine('the real engine with live sessions', () => {
  test('decodes each of them as if it were alone, and a file, and continues in a new process', async () => {
    const first = begin();
    const [one, two, texts] = await Promise.all([dictate(first, 1_600), dictate(first, 7_001), read(first)]);
    first.kill();

    // After the first words, so that there is something to continue from.
    const at = one.findIndex(({ committed }) => committed.length > 0);
    expect(at).toBeGreaterThanOrEqual(0);
    const checkpoint = JSON.parse(JSON.stringify(one[at]?.checkpoint)) as SessionCheckpoint;
    const second = begin();
    const rest = await dictate(second, 16_000, checkpoint);
    expect(await read(second)).toEqual(texts);
    await second.stop();

    const model = await WhisperModel.load(dir);
    try {
      expect(textBySample(one)).toEqual(await alone(model, one));
      expect(textBySample(two)).toEqual(await alone(model, two));
      const whole = [...one.slice(0, at + 1), ...rest];
      expect(textBySample(whole)).toEqual(await alone(model, whole));
    } finally {
      model.dispose();
    }
    expect(
      textBySample(two)
        .map(([, text]) => text)
        .join(''),
    ).toMatch(/my fellow Americans/i);
  });
});
