/** Speech in several languages, and audio that does not start with speech, with the starter model. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { canChangeLanguage } from '#daemon/models/whisper/language/detect-language.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { mx } from '#native/index.js';
import { testUnless } from '#test/harness/skipping.js';
import {
  clip,
  missingClips,
  joined,
  realWeights,
  samplesOf,
  starterModel,
  streamOf,
} from '../model-fixtures.js';
import type { WhisperEvent, WhisperResult } from '#daemon/models/whisper/whisper-options.js';

const RATE = 16_000;
const LONG = 120_000;

let model: WhisperModel;
let english: Float32Array; // 7 s
let spanish: Float32Array; // 7.7 s
beforeAll(async () => {
  model = await WhisperModel.load(starterModel());
  english = await samplesOf(clip('austen-0870.flac') ?? '');
  spanish = await samplesOf(clip('es-librivox-notice.flac') ?? '');
});
afterAll(() => {
  model.dispose();
});

type LanguageEvent = Extract<WhisperEvent, { type: 'language' }>;

interface LanguageResult {
  readonly result: WhisperResult;
  /** In order: languages, and the starts of segments. */
  readonly order: (string | number)[];
  readonly languages: LanguageEvent[];
}

async function transcribeLanguages(
  samples: Float32Array,
  options: TranscribeOptions,
  signal = new AbortController().signal,
): Promise<LanguageResult> {
  const live = mx.liveArrays();
  const order: (string | number)[] = [];
  const languages: LanguageEvent[] = [];
  const run = model.transcribe(streamOf(samples), { temperature: [0], ...options }, signal);
  try {
    for (;;) {
      const { done, value } = await run.next();
      if (done === true) return { result: value, order, languages };
      if (value.type === 'language') languages.push(value);
      if (value.type === 'language') order.push(value.language);
      if (value.type === 'segment') order.push(value.segment.start);
    }
  } finally {
    expect(mx.liveArrays()).toBe(live);
  }
}

const pause = (seconds: number): Float32Array => new Float32Array(seconds * RATE);

describe('speech that changes its language', () => {
  test.each<[string, TranscribeOptions]>([
    ['with timestamps', {}],
    ['as text alone', { timestamps: 'auto' }],
  ])(
    'is transcribed in each, and every segment has its language: %s',
    async (_, options) => {
      const samples = joined(english, pause(0.3), spanish, pause(0.3), english);
      const { result, order, languages } = await transcribeLanguages(samples, {
        multilingual: true,
        ...options,
      });
      expect(languages.map(({ language }) => language)).toEqual(['en', 'es', 'en']);
      for (const { probability } of languages) expect(probability).toBeGreaterThan(0.5);
      const textIn = (language: string): string =>
        result.segments.flatMap((segment) => (segment.language === language ? segment.text : [])).join('');
      expect(textIn('es')).toMatch(/grabaciones de LibriVox/i);
      expect(textIn('en').match(/Dashwood/gi)).toHaveLength(2);
      expect(result.language).toBe('en'); // most of it
      expect(result.segments.every(({ language }) => language === 'en' || language === 'es')).toBe(true);
      // The language event precedes its first segment; the change is in the pause.
      const [first, second] = [7.1, 7.1 + 0.3 + 7.67];
      const begin = (language: string): number =>
        result.segments.find((segment) => segment.language === language)?.start ?? NaN;
      expect(order.indexOf('es')).toBe(order.indexOf(begin('es')) - 1);
      expect(Math.abs(begin('es') - first)).toBeLessThan(1);
      const last = result.segments.find(({ start, language }) => start > first + 1 && language === 'en');
      expect(Math.abs((last?.start ?? NaN) - second)).toBeLessThan(1.2);
    },
    LONG,
  );

  test(
    'has words with the times of the file',
    async () => {
      const { result } = await transcribeLanguages(joined(spanish, pause(0.7), english), {
        multilingual: true,
        wordTimestamps: true,
      });
      const words = result.segments.flatMap(({ words = [] }) => words);
      const at = (pattern: RegExp): number => words.find(({ word }) => pattern.test(word))?.start ?? NaN;
      expect(at(/grabaci/i)).toBeLessThan(4);
      expect(at(/Dashwood/i)).toBeGreaterThan(8.3);
      expect(at(/Dashwood/i)).toBeLessThan(11);
      for (const [i, { start }] of words.entries())
        expect(start).toBeGreaterThanOrEqual(words[i - 1]?.start ?? 0);
    },
    LONG,
  );

  test(
    'is decoded as a whole without VAD',
    async () => {
      const { result, languages } = await transcribeLanguages(spanish, { multilingual: true, vad: false });
      expect(languages.map(({ language }) => language)).toEqual(['es']);
      expect(result.segments.map(({ language }) => language)).toContain('es');
    },
    LONG,
  );

  test(
    'can be cancelled during detection',
    async () => {
      const samples = joined(spanish, pause(0.5), english);
      const controller = new AbortController();
      setTimeout(() => {
        controller.abort();
      }, 150);
      await expect(
        transcribeLanguages(samples, { multilingual: true }, controller.signal),
      ).rejects.toMatchObject({
        code: 'CANCELLED',
      });
    },
    LONG,
  );
});

describe('the shared clips', () => {
  const names = ['de-leopard', 'ja-leopard', 'sv-nst-3', 'fr-leopard'].map((id) => `${id}.flac`);
  const files = names.map(clip);
  const check = testUnless(missingClips(...names));

  check(
    'are recognized one after another, with all of their words',
    async () => {
      const clips = await Promise.all(files.map((file) => samplesOf(file ?? '')));
      const { languages, result } = await transcribeLanguages(
        joined(...clips.flatMap((one) => [one, pause(0.4)])),
        {
          multilingual: true,
        },
      );
      expect(languages.map(({ language }) => language)).toEqual(['de', 'ja', 'sv', 'fr']);
      for (const [code, text] of [
        ['de', /Portal.*genutzt/],
        ['ja', /客観的.*実在/],
        ['sv', /barnbarn/],
        ['fr', /conservateur/],
      ] as const) {
        const own = result.segments.filter(({ language }) => language === code);
        expect(own.map((segment) => segment.text).join('')).toMatch(text);
      }
    },
    LONG,
  );
});

describe('speech in one language', () => {
  test(
    'has the same text as without the option, and one language',
    async () => {
      for (const [samples, code] of [
        [english, 'en'],
        [spanish, 'es'],
      ] as const) {
        const plain = await transcribeLanguages(samples, {});
        const { result, languages } = await transcribeLanguages(samples, { multilingual: true });
        expect(languages.map(({ language }) => language)).toEqual([code]);
        expect(result.text).toBe(plain.result.text);
        expect(new Set(result.segments.map(({ language }) => language))).toEqual(new Set([code]));
        expect(plain.result.segments.every(({ language }) => language === undefined)).toBe(true);
      }
    },
    LONG,
  );

  test(
    'ignores both options if the language is given',
    async () => {
      const given = await transcribeLanguages(english, { language: 'en' });
      const both = await transcribeLanguages(english, {
        language: 'en',
        multilingual: true,
        whisper: { languageWindows: 4 },
      });
      expect({ ...both.result, timings: 0 }).toEqual({ ...given.result, timings: 0 });
      expect(both.languages).toEqual([{ type: 'language', language: 'en', probability: 1 }]);
    },
    LONG,
  );
});

describe('the language of audio that does not start with speech', () => {
  test(
    'is reported once and is that of the first speech, for any number of windows',
    async () => {
      for (const languageWindows of [1, 4]) {
        const { languages } = await transcribeLanguages(joined(pause(31), spanish), {
          whisper: { languageWindows },
        });
        expect(languages.map(({ language }) => language)).toEqual(['es']);
      }
    },
    LONG,
  );

  test(
    'needs further windows if the first is uncertain',
    async () => {
      // Without VAD, half a minute of hum is the first window.
      const hum = Float32Array.from(
        { length: 30 * RATE },
        (_, i) => 0.3 * Math.sin((2 * Math.PI * 50 * i) / RATE),
      );
      const samples = joined(hum, spanish, pause(1), spanish);
      const one = await transcribeLanguages(samples, { vad: false, whisper: { languageWindows: 1 } });
      const four = await transcribeLanguages(samples, { vad: false, whisper: { languageWindows: 4 } });
      expect(four.languages).toHaveLength(1);
      expect(four.languages[0]?.language).toBe('es');
      if (one.languages[0]?.language === 'es')
        expect(four.languages[0]?.probability).toBeGreaterThanOrEqual(one.languages[0].probability);
    },
    LONG,
  );
});

describe('an English-only model', () => {
  test('rejects multilingual audio, with a hint', () => {
    const only = { isMultilingual: false };
    expect(() => canChangeLanguage({ multilingual: true }, only)).toThrow(/supports only English/);
    expect(() => canChangeLanguage({ multilingual: true }, only)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
    expect(canChangeLanguage({ multilingual: true, language: 'en' }, only)).toBe(false);
    expect(canChangeLanguage({ multilingual: true }, { isMultilingual: true })).toBe(true);
    expect(canChangeLanguage({}, { isMultilingual: true })).toBe(false);
  });

  const weights = realWeights('tiny.en');
  testUnless('missing' in weights ? weights.missing : undefined)(
    'rejects it in a transcription, and uses one window',
    async () => {
      const tiny = await WhisperModel.load('dir' in weights ? weights.dir : '');
      const never = new AbortController().signal;
      const start = (options: TranscribeOptions) => tiny.transcribe(streamOf(english), options, never).next();
      await expect(start({ multilingual: true })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      const { value } = await start({ whisper: { languageWindows: 4 } });
      expect(value).toEqual({ type: 'language', language: 'en', probability: 1 });
      tiny.dispose();
    },
    LONG,
  );
});
