/** Dictation with transducers in real engine processes: another engine continues the session of a killed one, with the same text. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { systemClock } from '#daemon/clock.js';
import { silentLog } from '#daemon/logger.js';
import { packageRoot } from '#daemon/paths.js';
import type { DecodeStep } from '#daemon/protocol/ipc.js';
import type { SessionCheckpoint } from '#daemon/protocol/live.js';
import { toPcm16 } from '#daemon/signal/pcm16.js';
import type { EngineStreamReport } from '#daemon/supervisor/engine.js';
import { Supervisor } from '#daemon/supervisor/supervisor.js';
import { describeWithEngine, jfk } from '#test/harness/real-engine.js';
import { until } from '#test/harness/wait.js';
import { samplesOf } from '#test/models/model-fixtures.js';
import { nemotronDir } from '#test/models/nemotron/nemotron-fixtures.js';
import { parakeetDir } from '#test/models/parakeet/parakeet-fixtures.js';

const withEngine = describeWithEngine();
const main = join(packageRoot, 'dist', 'daemon', 'src', 'engine', 'main.js');

let pcm: Int16Array;
let supervisor: Supervisor | undefined;
beforeAll(async () => {
  pcm = toPcm16(await samplesOf(jfk));
});
afterAll(() => supervisor?.stop());

function begin(): Supervisor {
  supervisor = new Supervisor({ command: { modulePath: main }, clock: systemClock, log: silentLog });
  supervisor.start();
  return supervisor;
}

/** Sends the recorded audio from a checkpoint on, as the spool is replayed, until the engine is killed or done. */
async function dictate(
  engine: Supervisor,
  dir: string,
  pieceSamples: number,
  checkpoint?: SessionCheckpoint,
  killAfterSteps = Infinity,
): Promise<DecodeStep[]> {
  const fromSample = checkpoint?.fromSample ?? 0;
  const reports: EngineStreamReport[] = [];
  const steps = (): DecodeStep[] =>
    reports.flatMap((report) => (report.type === 'update' || report.type === 'done' ? [report.step] : []));
  const request = { model: { name: 'transducer', dir }, options: {}, fromSample };
  const running = engine.openStream({ ...request, ...(checkpoint && { checkpoint }) }, (report) => {
    reports.push(report);
    if (steps().length === killAfterSteps) engine.kill();
  });
  await until(() => reports.some(({ type }) => type === 'opened'));
  for (let at = fromSample; at < pcm.length; at += pieceSamples) {
    running.audio(new Uint8Array(pcm.slice(at, at + pieceSamples).buffer));
  }
  running.finish();
  await until(() => ['done', 'failed', 'lost'].includes(reports.at(-1)?.type ?? ''));
  expect(reports.at(-1)?.type === 'done').toBe(killAfterSteps === Infinity);
  return steps().slice(0, killAfterSteps);
}

const committed = (steps: readonly DecodeStep[]): unknown[] =>
  steps.map(({ decodedSamples, committed: words, tentative }) => ({ decodedSamples, words, tentative }));

const DIRS = { Nemotron: () => nemotronDir('english'), Parakeet: () => parakeetDir('tdt-huggingface') };

withEngine('a session', () => {
  test.each(['Nemotron', 'Parakeet'] as const)(
    'with %s continues after the death of its engine with the same words at the same samples',
    async (family) => {
      const dir = DIRS[family]();
      const whole = await dictate(begin(), dir, 1_600);
      expect(whole.flatMap(({ committed: words }) => words).length).toBeGreaterThan(3);
      await supervisor?.stop();

      const before = await dictate(begin(), dir, 7_001, undefined, 12);
      await supervisor?.stop();
      const checkpoint = JSON.parse(JSON.stringify(before.at(-1)?.checkpoint)) as SessionCheckpoint;
      const after = await dictate(begin(), dir, 16_000, checkpoint);
      await supervisor?.stop();
      expect(committed([...before, ...after])).toEqual(committed(whole));
    },
  );
});
