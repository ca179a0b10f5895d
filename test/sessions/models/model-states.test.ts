import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SottoError } from '#daemon/protocol/errors.js';
import { MODEL_STATES, type ModelState, type ModelStatus } from '#daemon/protocol/status.js';
import {
  ModelStates,
  TRANSITIONS,
  statesBetween,
  type ModelFilesTask,
  type NamedStatus,
} from '#daemon/sessions/models/model-states.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';

const clock = new VirtualClock();
const corrupt = new SottoError('MODEL_CORRUPT', 'config.json is cut off');
const ready = (name: string): ModelStatus => ({ name, state: 'ready' });

function setUp() {
  const states = new ModelStates(clock);
  const statuses: NamedStatus[] = [];
  states.watch((status) => void statuses.push(status));
  return { states, statuses, moves: () => statuses.map(({ state }) => state) };
}

describe('the states of models', () => {
  test('a model goes from the Hub to the GPU, step by step', () => {
    const { states, statuses, moves } = setUp();
    const work = states.beginTask('a', 'downloading');
    work.at('downloading', 0.5);
    work.at('verifying', 0.5);
    work.end({ present: true });
    states.setLoaded([{ name: 'a', state: 'loading', fraction: 0.2 }]);
    states.setLoaded([{ name: 'a', state: 'warming' }]);
    states.setLoaded([{ name: 'a', state: 'ready', weightBytes: 7 }]);
    expect(moves()).toEqual([
      'downloading',
      'downloading',
      'verifying',
      'installed',
      'loading',
      'warming',
      'ready',
    ]);
    expect(statuses.at(-1)).toEqual({ name: 'a', state: 'ready', weightBytes: 7 });
    states.setLoaded([]);
    expect(states.status('a')).toEqual({ name: 'a', state: 'installed' });
    states.setInstalled([]);
    expect(states.status('a')).toEqual({ name: 'a', state: 'absent' });
    expect(states.all()).toEqual([]);
  });

  test('skipped states are reported too', () => {
    const { states, moves } = setUp();
    states.setLoaded([ready('a')]);
    expect(moves()).toEqual(['installed', 'loading', 'ready']);
    states.setLoaded([]);
    states.setInstalled([]);
    expect(moves().slice(3)).toEqual(['installed', 'absent']);
  });

  test('a model that serves is ready while its files are being changed', () => {
    const { states } = setUp();
    states.setInstalled(['a']);
    states.setLoaded([ready('a')]);
    const work = states.beginTask('a', 'downloading');
    work.at('verifying', 1);
    expect(states.status('a').state).toBe('ready');
    states.setLoaded([]);
    expect(states.status('a')).toEqual({ name: 'a', state: 'verifying', fraction: 1 });
    work.end({ present: true });
    expect(states.status('a').state).toBe('installed');
  });

  test('ignores a task after its end', () => {
    const { states } = setUp();
    const work = states.beginTask('a', 'downloading');
    work.end({ present: false, error: corrupt });
    work.at('downloading', 0.3);
    work.end({ present: true });
    expect(states.status('a')).toMatchObject({ state: 'failed', error: { code: 'MODEL_CORRUPT' } });
    // Another process installed it.
    states.setInstalled(['a']);
    expect(states.status('a').state).toBe('installed');
  });

  test('remembers a limited number of failures of models that are not installed', () => {
    const { states } = setUp();
    for (let i = 0; i < 200; i++) {
      states.beginTask(`m${i}`, 'downloading').end({ present: false, error: corrupt });
    }
    expect(states.all()).toHaveLength(64);
    expect(states.status('m199').state).toBe('failed');
    expect(states.status('m0').state).toBe('absent');
  });

  test('whatever happens: legal transitions only, and progress never goes back within a state', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const fraction = fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined });
    const stage = fc.constantFrom('downloading' as const, 'verifying' as const);
    const inMemory = fc.record({
      name,
      state: fc.constantFrom<ModelState>(...MODEL_STATES),
      fraction: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    const step = fc.oneof(
      fc.record({ do: fc.constant('begin' as const), name, stage }),
      fc.record({ do: fc.constant('at' as const), which: fc.nat(9), stage, fraction }),
      fc.record({
        do: fc.constant('end' as const),
        which: fc.nat(9),
        present: fc.boolean(),
        fails: fc.boolean(),
      }),
      fc.record({ do: fc.constant('disk' as const), names: fc.array(name) }),
      fc.record({ do: fc.constant('memory' as const), models: fc.array(inMemory, { maxLength: 4 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const states = new ModelStates(clock);
        const now = new Map<string, NamedStatus>();
        states.watch((status) => {
          const before = now.get(status.name) ?? { name: status.name, state: 'absent' };
          if (status.state !== before.state) expect(TRANSITIONS[before.state]).toContain(status.state);
          else if (status.fraction !== undefined && before.fraction !== undefined)
            expect(status.fraction).toBeGreaterThanOrEqual(before.fraction);
          now.set(status.name, status);
        });
        const works: ModelFilesTask[] = [];
        for (const one of steps) {
          if (one.do === 'begin') works.push(states.beginTask(one.name, one.stage));
          if (one.do === 'at') works[one.which]?.at(one.stage, one.fraction);
          if (one.do === 'end')
            works[one.which]?.end({ present: one.present, ...(one.fails && { error: corrupt }) });
          if (one.do === 'disk') states.setInstalled(one.names);
          if (one.do === 'memory') states.setLoaded(one.models);
          for (const [name, status] of now) expect(states.status(name)).toEqual(status);
        }
        for (const work of works) work.end({ present: false });
        states.setLoaded([]);
        states.setInstalled([]);
        const left = states.all().map(({ state }) => state);
        expect(left.filter((state) => state !== 'failed')).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test('there is a path from every state to every other', () => {
    for (const from of MODEL_STATES)
      for (const to of MODEL_STATES) {
        if (from === to) continue;
        const way = [from, ...statesBetween(from, to), to];
        for (const [index, state] of way.slice(1).entries())
          expect(TRANSITIONS[way[index] ?? from]).toContain(state);
        expect(way.slice(1, -1)).not.toContain('ready');
        expect(way.slice(1, -1)).not.toContain('failed');
      }
  });
});

describe('waiting for a model', () => {
  const timeoutMs = 1000;

  test('ends at once if it is ready, and when it becomes ready', async () => {
    const { states } = setUp();
    const waiting = states.waitUntilReady('a', { timeoutMs });
    states.setLoaded([{ name: 'a', state: 'loading' }]);
    states.setLoaded([ready('a')]);
    expect(await waiting).toMatchObject({ name: 'a', state: 'ready' });
    expect(await states.waitUntilReady('a', { timeoutMs })).toMatchObject({ state: 'ready' });
  });

  test('fails with the model', async () => {
    const { states } = setUp();
    const waiting = states.waitUntilReady('a', { timeoutMs });
    states.setLoaded([{ name: 'a', state: 'failed', error: corrupt.toWire() }]);
    await expect(waiting).rejects.toMatchObject({ code: 'MODEL_CORRUPT', message: corrupt.message });
    states.setLoaded([{ name: 'a', state: 'failed' }]);
    await expect(states.waitUntilReady('a', { timeoutMs })).rejects.toMatchObject({
      code: 'MODEL_LOAD_FAILED',
    });
  });

  test('fails if a fallback replaces it', async () => {
    const { states } = setUp();
    const error = new SottoError('INSUFFICIENT_MEMORY', 'a does not fit');
    const waiting = states.waitUntilReady('a', { timeoutMs });
    states.setLoaded([{ ...ready('b'), fallbackFor: { name: 'a', error: error.toWire() } }]);
    await expect(waiting).rejects.toMatchObject({ code: 'INSUFFICIENT_MEMORY' });
  });

  test('times out with the progress so far', async () => {
    const own = new VirtualClock();
    const states = new ModelStates(own);
    const waiting = states.waitUntilReady('a', { timeoutMs: 30_000 });
    states.beginTask('a', 'downloading').at('downloading', 0.427);
    own.advance(30_000);
    await expect(waiting).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: 'a is not ready after 30 s: downloading, 42%',
    });
  });

  test('ends when it is cancelled', async () => {
    const { states } = setUp();
    const canceller = new AbortController();
    const waiting = states.waitUntilReady('a', { timeoutMs, signal: canceller.signal });
    canceller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
    const late = states.waitUntilReady('a', { timeoutMs, signal: canceller.signal });
    await expect(late).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
