/**
 * Random sequences of appends, commits, clears, updates and engine crashes: items must stay adjacent, and their events must be in
 * a valid order. The words of the fake engine are checksums of its samples.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { systemClock } from '#daemon/clock.js';
import { silentLog } from '#daemon/logger.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { BufferEvent } from '#daemon/server/realtime/server-events.js';
import { InputBuffer } from '#daemon/server/realtime/input-buffer.js';
import type { TurnSettings } from '#daemon/server/realtime/turn-detector.js';
import { LiveSessions } from '#daemon/sessions/live/live-sessions.js';
import { InProcessLive } from '#test/harness/in-process-live.js';
import { ramp, SECOND, wordFor } from '#test/harness/ramp.js';
import { until } from '#test/harness/wait.js';
import { defined } from '#daemon/protocol/defined.js';

const TURN_SETTINGS: TurnSettings = { threshold: 0.5, prefixSamples: 1_600, silenceSamples: 3_200 };

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'sotto-realtime-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A buffer with its events and the appended samples. */
class BufferRecorder {
  readonly engine = new InProcessLive();
  readonly live = new LiveSessions({
    engine: this.engine,
    clock: systemClock,
    log: silentLog,
    folder,
    resolveModel: () => ({ name: 'fake', dir: '/m' }),
    keep: () => Promise.reject(new Error('a realtime session must not be in the history')),
  });
  readonly buffer: InputBuffer;
  readonly events: BufferEvent[] = [];
  /** Appended samples, and the positions after each clear. */
  appended: number[] = [];
  readonly #starts = [0];
  /** Items between two clears, in order. */
  readonly #items: string[][] = [[]];

  constructor(turns: TurnSettings | undefined, maxSamples?: number) {
    this.buffer = new InputBuffer(
      {
        live: this.live,
        request: () => ({ options: {} }),
        notify: (event) => this.#record(event),
        ...defined({ maxSamples }),
      },
      turns,
    );
  }

  #record(event: BufferEvent): void {
    this.events.push(event);
    if (event.type === 'committed') this.#items.at(-1)?.push(event.item);
    if (event.type !== 'cleared') return;
    this.#starts.push(this.appended.length);
    this.#items.push([]);
  }

  async append(samples: number, isVoice: boolean): Promise<void> {
    const at = this.appended.length;
    const pcm = isVoice ? ramp(at, at + samples) : new Int16Array(samples);
    this.appended = this.appended.concat([...pcm]);
    await this.buffer.append(new Uint8Array(pcm.buffer));
  }

  async commit(): Promise<void> {
    await this.buffer.commit().catch((error: unknown) => {
      expect(SottoError.from(error)).toMatchObject({ openaiCode: 'input_audio_buffer_commit_empty' });
    });
  }

  async end(): Promise<void> {
    await this.buffer.finish();
    this.buffer.close();
    await this.live.stop(0);
  }

  /** Each item has the samples after those of the previous one, and ends with its turn. */
  expectNothingLost(): void {
    this.#items.forEach((items, i) => {
      let at = this.#starts[i] ?? 0;
      for (const item of items) {
        const completed = this.of(item).find((event) => event.type === 'completed');
        if (completed?.type !== 'completed') throw new Error('an item was not completed');
        const samples = Math.round(completed.seconds * SECOND);
        expect(completed.text).toBe(textOf(this.appended.slice(at, at + samples)));
        at += samples;
        const stopped = this.of(item).find((event) => event.type === 'stopped');
        if (stopped?.type === 'stopped') expect(stopped.at).toBe(at);
      }
      const end = this.#starts[i + 1] ?? this.appended.length;
      expect(at).toBeLessThanOrEqual(end);
      // The rest was too short for a commit.
      if (i + 1 === this.#items.length) expect(end - at).toBeLessThan(SECOND / 10);
    });
  }

  /** Each item starts, stops, is committed and completed in this order; turns do not overlap. */
  expectLegalOrder(): void {
    let speaking: string | undefined;
    let previous: string | null = null;
    let last = 0;
    const committed = new Set<string>();
    const over = new Set<string>();
    const deltas = new Map<string, string>();
    for (const event of this.events) {
      switch (event.type) {
        case 'started':
          expect([speaking, committed.has(event.item)]).toEqual([undefined, false]);
          speaking = event.item;
          expect(event.at).toBeGreaterThanOrEqual(last);
          last = event.at;
          break;
        case 'stopped':
          expect(speaking).toBe(event.item);
          speaking = undefined;
          expect(event.at).toBeGreaterThanOrEqual(last);
          last = event.at;
          break;
        case 'committed':
          expect([speaking, event.previous, committed.has(event.item)]).toEqual([undefined, previous, false]);
          committed.add(event.item);
          previous = event.item;
          break;
        case 'cleared':
          speaking = undefined;
          break;
        case 'delta':
          expect(over.has(event.item)).toBe(false);
          deltas.set(event.item, (deltas.get(event.item) ?? '') + event.text);
          break;
        case 'completed':
          expect([committed.has(event.item), over.has(event.item)]).toEqual([true, false]);
          expect(deltas.get(event.item) ?? '').toBe(event.text);
          over.add(event.item);
          break;
        default:
          throw new Error(`${event.type} was not to come`);
      }
    }
    expect(over).toEqual(committed);
  }

  of(item: string): BufferEvent[] {
    return this.events.filter((event) => 'item' in event && event.item === item);
  }
}

function textOf(samples: readonly number[]): string {
  const words: string[] = [];
  for (let at = 0; at < samples.length; at += SECOND) {
    words.push(wordFor(new Uint8Array(Int16Array.from(samples.slice(at, at + SECOND)).buffer)));
  }
  return words.join(' ');
}

const action = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('voice' as const), fc.integer({ min: 1, max: 24_000 })) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('silence' as const), fc.integer({ min: 1, max: 9_000 })) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('commit' as const), fc.constant(0)) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom('clear' as const, 'turns' as const, 'die' as const), fc.constant(0)),
  },
);

describe('the input buffer', () => {
  test('loses and repeats no sample, and sends events in a valid order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 16 }), fc.boolean(), async (actions, hasTurns) => {
        let turns = hasTurns ? TURN_SETTINGS : undefined;
        const recorder = new BufferRecorder(turns);
        let deaths = 0;
        for (const [what, samples] of actions) {
          if (what === 'voice' || what === 'silence') await recorder.append(samples, what === 'voice');
          else if (what === 'commit') await recorder.commit();
          else if (what === 'clear') await recorder.buffer.clear();
          else if (what === 'die') {
            // After three crashes in a row no new engine is started.
            if (deaths++ < 2) recorder.engine.die();
          } else {
            turns = turns === undefined ? TURN_SETTINGS : undefined;
            await recorder.buffer.listenFor(turns);
          }
        }
        await recorder.end();
        recorder.expectNothingLost();
        recorder.expectLegalOrder();
      }),
      { numRuns: 60 },
    );
    await until(() => readdirSync(folder).length === 0);
  });

  test('finds the same turns at any speed and chunk size', async () => {
    const marks: string[] = [];
    for (const piece of [500, 1_600, 48_000]) {
      const recorder = new BufferRecorder(TURN_SETTINGS);
      const runs = [8_000, -9_000, 20_000, -2_000, 6_000, -16_000, 1_000, -16_000] as const;
      const voice = runs.flatMap((samples) => Array<boolean>(Math.abs(samples)).fill(samples > 0));
      for (let at = 0; at < voice.length;) {
        let end = at + 1;
        while (end < Math.min(voice.length, at + piece) && voice[end] === voice[at]) end++;
        await recorder.append(end - at, voice[at] === true);
        at = end;
      }
      await recorder.end();
      recorder.expectNothingLost();
      marks.push(
        JSON.stringify(recorder.events.flatMap((event) => ('at' in event ? [[event.type, event.at]] : []))),
      );
    }
    expect(new Set(marks).size).toBe(1);
    expect(JSON.parse(marks[0] ?? '')).toHaveLength(6);
  });

  test('commits an item that is too long, even within a turn', async () => {
    for (const turns of [undefined, TURN_SETTINGS]) {
      const recorder = new BufferRecorder(turns, SECOND);
      for (let i = 0; i < 6; i++) await recorder.append(SECOND / 2, true);
      await recorder.append(SECOND / 2, false);
      await recorder.append(SECOND / 4, true);
      await recorder.end();
      recorder.expectNothingLost();
      recorder.expectLegalOrder();
      expect(recorder.events.filter(({ type }) => type === 'completed').length).toBeGreaterThanOrEqual(2);
    }
  });
});
