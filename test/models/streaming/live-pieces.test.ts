/** Live text from pieces: append-only, all words of the audio once, and the same across checkpoints. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { VoiceActivity } from '#daemon/audio/vad/index.js';
import { LivePieces, type LivePiecesDeps } from '#daemon/models/streaming/live-pieces.js';
import type { LiveCheckpoint, LiveSpeechOptions, LiveUpdate } from '#daemon/models/streaming/live-speech.js';
import type { PieceContext, SpeechPiece, TimedToken } from '#daemon/models/pieces/piece-decoder.js';
import { spreadTimes } from '#daemon/models/pieces/spread-times.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { seededRandom } from '#test/harness/seeded-random.js';
import { clip, joined, samplesOf } from '../model-fixtures.js';
import {
  CAPABILITIES,
  type PlacedWord,
  placeWords,
  RATE,
  ScriptedDecoder,
  spokenIn,
} from '../pieces/scripted-pieces.js';

const never = new AbortController().signal;
const TEXT =
  'And so, my fellow Americans: ask not what your country can do for you, ask what you can do for your country.';

let voice: VoiceActivity;
let jfk: Float32Array; // 11 s
let words: PlacedWord[];

beforeAll(async () => {
  voice = await VoiceActivity.load();
  jfk = await samplesOf(clip('jfk.flac') ?? '');
  words = placeWords(TEXT, spokenIn(voice, jfk));
});
afterAll(() => voice.dispose());

const later = (seconds: number): PlacedWord[] =>
  words.map((word) => ({ ...word, start: word.start + seconds, end: word.end + seconds }));
const silence = (seconds: number): Float32Array => new Float32Array(seconds * RATE);
const textOf = (all: readonly PlacedWord[]): string => all.map(({ text }) => text).join(' ');

/** Misreads the last words of a piece, which later audio changes, and half a word at its start. */
class UnsureDecoder extends ScriptedDecoder {
  override async decode(
    piece: SpeechPiece,
    context: PieceContext,
    signal: AbortSignal,
  ): Promise<TimedToken[]> {
    const tokens = await super.decode(piece, context, signal);
    const random = seededRandom(piece.samples.length);
    const end = piece.samples.length / RATE;
    return tokens.map((token) => {
      const isUnsure = token.id < 1000 && end - token.end < 0.25 && random() < 0.7;
      return isUnsure ? { ...token, text: `${token.text}x`, probability: 0.4 } : token;
    });
  }
}

/** Knows no times, and reads half a word at the start of a piece as another one. */
class UntimedDecoder extends ScriptedDecoder {
  override async decode(
    piece: SpeechPiece,
    context: PieceContext,
    signal: AbortSignal,
  ): Promise<TimedToken[]> {
    const tokens = await super.decode(piece, context, signal);
    const cut = this.words.find(({ start, end }) => start < piece.start / RATE && end > piece.start / RATE);
    const half = { id: 999, text: ' uh', probability: 0.5, start: 0, end: 0 };
    return spreadTimes(cut === undefined || piece.start === 0 ? tokens : [half, ...tokens], piece);
  }
}

const depsFor = (decoder: ScriptedDecoder): LivePiecesDeps => ({
  decoder,
  voice,
  capabilities: CAPABILITIES,
  checkpointKey: 'scripted-1',
});

/** All updates of a session; each with the sample of the update. */
async function run(
  decoder: ScriptedDecoder,
  samples: Float32Array,
  stepSeconds = 0.5,
): Promise<{ updates: LiveUpdate[]; live: LivePieces }> {
  const live = new LivePieces(depsFor(decoder), {});
  const updates: LiveUpdate[] = [];
  const step = stepSeconds * RATE;
  for (let at = 0; at < samples.length; at += step) {
    live.push(samples.subarray(at, at + step));
    updates.push(await live.update(never));
  }
  updates.push(await live.finish(never));
  return { updates, live };
}

const committedText = (updates: readonly LiveUpdate[]): string =>
  updates
    .flatMap(({ committed }) => committed.map(({ word }) => word))
    .join('')
    .trim();

describe('the committed text', () => {
  test.each<[string, (all: PlacedWord[]) => ScriptedDecoder, number]>([
    ['certain words', (all) => new ScriptedDecoder(all), 0.5],
    ['unsure last words', (all) => new UnsureDecoder(all), 0.5],
    ['unsure last words, small steps', (all) => new UnsureDecoder(all), 0.3],
    ['unsure last words, large steps', (all) => new UnsureDecoder(all), 2.5],
    ['pieces of at most 5 s', (all) => new ScriptedDecoder(all, 5), 0.5],
    ['a family without times', (all) => new UntimedDecoder(all), 0.5],
  ])('is all words once: %s', async (_, decoderOf, step) => {
    const all = [...later(1), ...later(14), ...later(25.2), ...later(36.4)];
    const samples = joined(
      silence(1),
      jfk,
      silence(2),
      jfk,
      silence(0.2),
      jfk,
      silence(0.2),
      jfk,
      silence(2),
    );
    const decoder = decoderOf(all);
    const { updates, live } = await run(decoder, samples, step);
    expect(committedText(updates)).toBe(textOf(all));
    for (const { samples: piece } of decoder.pieces)
      expect(piece.length / RATE).toBeLessThanOrEqual(Math.min(24, decoder.maxSeconds));
    const timed = updates.flatMap(({ committed }) => committed);
    for (const [i, { start, end }] of timed.entries()) {
      expect(start).toBeGreaterThanOrEqual(timed[i - 1]?.start ?? 0);
      expect(end).toBeGreaterThanOrEqual(start);
    }
    expect(live.hasText).toBe(true);
    expect(updates.at(-1)?.tentative).toBe('');
  });

  test('comes while the speaker speaks, and is preceded by tentative text', async () => {
    const { updates } = await run(new ScriptedDecoder(words), jfk);
    const first = updates.findIndex(({ committed }) => committed.length > 0);
    expect(first).toBeLessThan(6); // 3 s
    expect(updates.findIndex(({ tentative }) => tentative !== '')).toBeLessThanOrEqual(first);
    const half = committedText(updates.slice(0, updates.length >> 1));
    expect(half.split(' ').length).toBeGreaterThan(4);
  });

  test('is complete a second after the utterance, and no decode follows', async () => {
    const decoder = new ScriptedDecoder(words);
    const { updates } = await run(decoder, joined(jfk, silence(10)));
    const spokenSteps = Math.ceil((11 + 1.6) / 0.5);
    expect(committedText(updates.slice(0, spokenSteps))).toBe(TEXT);
    const decodesAt = decoder.pieces.map(({ start, samples }) => (start + samples.length) / RATE);
    expect(Math.max(...decodesAt)).toBeLessThan(12);
    expect(decoder.pieces.length).toBeLessThan(28);
  });

  test('a word that no two decodes agree on is committed at last', async () => {
    let count = 0;
    class Fickle extends ScriptedDecoder {
      override async decode(...all: Parameters<ScriptedDecoder['decode']>): Promise<TimedToken[]> {
        const [first, ...rest] = await super.decode(...all);
        return first === undefined ? [] : [{ ...first, text: ` word${count++}` }, ...rest];
      }
    }
    const { updates } = await run(new Fickle(words), jfk);
    const first = updates.findIndex(({ committed }) => committed.length > 0);
    expect(first).toBeGreaterThan(2);
    expect(first).toBeLessThan(14);
    expect(committedText(updates)).toMatch(/^word\d+ so, my fellow .* your country\.$/);
  });
});

describe('without speech', () => {
  test.each<[string, () => Float32Array]>([
    ['silence', () => silence(8)],
    ['a hum', () => Float32Array.from({ length: 8 * RATE }, (_, i) => 0.3 * Math.sin(i / 50))],
    ['a click', () => joined(silence(3), Float32Array.of(0.9, -0.9, 0.9), silence(3))],
  ])('nothing is decoded: %s', async (_, samples) => {
    const decoder = new ScriptedDecoder([{ text: 'Thanks.', start: 0, end: 8 }]);
    const { updates, live } = await run(decoder, samples());
    expect([committedText(updates), decoder.pieces, live.hasText]).toEqual(['', [], false]);
  });
});

describe('a checkpoint', () => {
  test.each<[string, (all: PlacedWord[]) => ScriptedDecoder]>([
    ['unsure words', (all) => new UnsureDecoder(all)],
    ['no times', (all) => new UntimedDecoder(all, 14)],
  ])('after any step gives the same updates (%s)', async (_, decoderOf) => {
    const all = [...later(1), ...later(13), ...later(24)];
    const samples = joined(silence(1), jfk, silence(1), jfk, jfk, silence(1.7));
    const { updates } = await run(decoderOf(all), samples, 0.7);
    let stored: string | undefined;
    const replayed: LiveUpdate[] = [];
    const step = 0.7 * RATE;
    for (let at = 0; ; at += step) {
      const checkpoint = stored === undefined ? undefined : (JSON.parse(stored) as LiveCheckpoint);
      const live = new LivePieces(depsFor(decoderOf(all)), {}, checkpoint);
      const until = Math.min(samples.length, at + step);
      const sizes = [320, 4801, 77, 16_000];
      for (let from = checkpoint?.fromSample ?? 0, i = 0; from < until; i++) {
        const end = Math.min(until, from + (sizes[i % sizes.length] ?? 1));
        live.push(samples.subarray(from, end));
        from = end;
      }
      if (at >= samples.length) {
        replayed.push(await live.finish(never));
        break;
      }
      replayed.push(await live.update(never));
      stored = JSON.stringify(live.checkpoint());
      expect(stored.length).toBeLessThan(20_000);
    }
    expect(replayed).toEqual(updates);
  });

  test('of another model or a damaged one is refused', async () => {
    const { live } = await run(new ScriptedDecoder(words), jfk.subarray(0, 4 * RATE));
    const good = live.checkpoint();
    const state = good.state as Record<string, unknown>;
    const broken: LiveCheckpoint[] = [
      { ...good, fromSample: good.fromSample + 1 },
      { ...good, state: { ...state, model: 'other' } },
      { ...good, state: { ...state, version: 99 } },
      { ...good, state: { ...state, start: -1 } },
      { ...good, state: { ...state, spans: [{ start: 5, end: 2 }] } },
      { ...good, state: { ...state, text: { ...(state.text as object), agreementCount: [1] } } },
      { ...good, state: null },
    ];
    for (const checkpoint of broken) {
      expect(() => new LivePieces(depsFor(new ScriptedDecoder(words)), {}, checkpoint)).toThrow(SottoError);
    }
    expect(() => new LivePieces(depsFor(new ScriptedDecoder(words)), {}, good)).not.toThrow();
  });
});

describe('the session', () => {
  test('is cancelled within a step', async () => {
    const controller = new AbortController();
    const live = new LivePieces(depsFor(new ScriptedDecoder(words)), {});
    live.push(jfk.subarray(0, 3 * RATE));
    const update = live.update(controller.signal);
    controller.abort();
    await expect(update).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  test('reports speech and the language', async () => {
    const live = new LivePieces(depsFor(new ScriptedDecoder(words)), { language: 'en' });
    live.push(jfk.subarray(0, 2 * RATE));
    expect(await live.update(never)).toMatchObject({ language: 'en' });
    expect(live.speaking).toBe(true);
    live.push(silence(2));
    await live.update(never);
    expect(live.speaking).toBe(false);
  });

  test('prefers a decode of the whole unless it is empty or much less certain', async () => {
    const { live } = await run(new ScriptedDecoder(words), jfk);
    const result = (text: string, confidence: number) => ({
      text,
      language: 'en',
      durationSeconds: 11,
      segments: [{ start: 0, end: 1, text, tokens: [1], confidence }],
      timings: { mel: 0, encode: 0, decode: 0, total: 0 },
    });
    expect(live.prefers(result(' Yes.', 0.8))).toBe(true);
    expect(live.prefers(result(' Yes.', 0.5))).toBe(false);
    expect(live.prefers(result(' ', 0.9))).toBe(false);
  });

  test.each<LiveSpeechOptions>([{ language: 'de' }, { hotwords: ['Sotto'] }, { initialPrompt: 'A talk.' }])(
    '%j is refused',
    (options) => {
      const open = (): unknown => new LivePieces(depsFor(new ScriptedDecoder(words)), options);
      expect(open).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    },
  );
});
