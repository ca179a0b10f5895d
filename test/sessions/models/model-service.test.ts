import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { silentLog } from '#daemon/logger.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { ModelsRequest } from '#daemon/protocol/models.js';
import { ModelService } from '#daemon/sessions/models/model-service.js';
import type { ModelJobEvent, Subscription } from '#daemon/sessions/models/model-job.js';
import { placeModel } from '#test/harness/model-server.js';
import { transcribingModels } from '#test/harness/descriptions.js';
import { ControlledModels } from '#test/harness/controlled-models.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';
import { until } from '#test/harness/wait.js';

const NAMES = ['a', 'b', 'c'];
const MODEL_DIR = [...NAMES, 'starter'];

/** Waits until changes on disk are done. */
async function rest(): Promise<void> {
  for (let i = 0; i < 6; i++) await new Promise((resolve) => setImmediate(resolve));
}

function setUp() {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-models-'));
  const modelDirs = { models: join(folder, 'models'), bundled: join(folder, 'bundled') };
  mkdirSync(join(modelDirs.bundled, 'starter'), { recursive: true });
  for (const name of NAMES) placeModel(modelDirs.models, name);
  const engine = new ControlledModels();
  const clock = new VirtualClock();
  const idle: boolean[] = [];
  const settings = join(folder, 'settings.json');
  const service = new ModelService({
    engine,
    modelDirs,
    settings,
    machineSpeed: join(folder, 'machine.json'),
    descriptions: transcribingModels(folder),
    clock,
    log: silentLog,
    onIdleChange: (now) => void idle.push(now),
  });
  const sent: {
    request: ModelsRequest;
    subscription: Subscription;
    received: ModelJobEvent[];
    left: boolean;
  }[] = [];
  const send = (request: ModelsRequest): string => {
    const received: ModelJobEvent[] = [];
    try {
      const subscription = service.request(request, (notice) => {
        received.push(notice);
        return true;
      });
      expect(received).toEqual([]);
      sent.push({ request, subscription, received, left: false });
      return 'accepted';
    } catch (error) {
      return SottoError.from(error).code;
    }
  };
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  return { service, engine, clock, idle, settings, sent, send, remove };
}

const name = fc.constantFrom(...MODEL_DIR);
const request: fc.Arbitrary<ModelsRequest> = fc.oneof(
  name.map((model) => ({ do: 'use' as const, model })),
  name.map((model) => ({ do: 'use' as const, model })),
  fc.record({ do: fc.constant('remove' as const), model: name, force: fc.boolean() }),
  name.map((model) => ({ do: 'verify' as const, model })),
  name.map((model) => ({ do: 'info' as const, model })),
  name.map((model) => ({ do: 'cancel-pull' as const, model })),
  fc.record({ do: fc.constant('wait' as const), model: name, timeoutSeconds: fc.constantFrom(0, 5, 600) }),
  fc.constantFrom<ModelsRequest>(
    { do: 'list' },
    { do: 'watch' },
    { do: 'unload' },
    { do: 'prune', unused: true },
  ),
);
const step = fc.oneof(
  { weight: 3, arbitrary: request.map((body) => ({ do: 'send' as const, body })) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('cancel' as const, 'leave' as const), chosen: fc.nat(9) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('ready' as const, 'fails' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rest' as const), ms: fc.nat(4000) }) },
);

describe('ModelService', () => {
  test('whatever clients request: one end each, one default model loading at a time, one job for each model', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { service, engine, clock, idle, settings, sent, send, remove } = setUp();
        try {
          let chosen: string | undefined;
          for (const one of steps) {
            if (one.do === 'send') {
              const answer = send(one.body);
              expect(['accepted', 'BUSY', 'MODEL_NOT_FOUND', 'INVALID_ARGUMENT']).toContain(answer);
            }
            if (one.do === 'cancel') sent[one.chosen]?.subscription.cancel();
            const leaves = one.do === 'leave' ? sent[one.chosen] : undefined;
            if (leaves !== undefined) {
              leaves.subscription.leave();
              leaves.left = true;
            }
            const [loading] = engine.waiting;
            if (one.do === 'ready' && loading !== undefined) engine.ready(loading);
            if (one.do === 'fails' && loading !== undefined)
              engine.fails(loading, new SottoError('MODEL_CORRUPT', 'cut off'));
            if (one.do === 'rest') {
              clock.advance(one.ms);
              await rest();
            }
            expect(engine.waiting.length).toBeLessThanOrEqual(1);
          }
          // Pending changes end.
          await until(() => {
            const [coming] = engine.waiting;
            if (coming !== undefined) engine.ready(coming);
            return service.isIdle;
          });
          expect(engine.waiting).toEqual([]);
          expect(idle).toEqual(idle.map((_, index) => index % 2 === 1));
          await service.stop();
          await rest();
          for (const { received, left, request: what } of sent) {
            const ends = received.filter(({ type }) => type !== 'event');
            expect({ what, ends: ends.length }).toEqual({ what, ends: left ? ends.length : 1 });
            expect(ends.length).toBeLessThanOrEqual(1);
            if (ends.length === 1) expect(received.at(-1)).toBe(ends[0]);
          }
          // The settings name the model that serves.
          try {
            chosen = (JSON.parse(readFileSync(settings, 'utf8')) as { model?: string }).model;
          } catch {
            chosen = undefined;
          }
          const served = sent.some(({ received }) =>
            received.some(
              (end) => end.type === 'done' && (end.result.do === 'use' || end.result.do === 'remove'),
            ),
          );
          if (engine.serving !== undefined && served) expect(chosen ?? 'starter').toBe(engine.serving.name);
          expect(() => service.request({ do: 'list' }, () => true)).toThrow(/stopping/);
        } finally {
          remove();
        }
      }),
      { numRuns: 150 },
    );
  });
});
