import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Segment, Word } from '#daemon/protocol/transcription.js';
import { columnsOf } from '#daemon/cli/terminal/columns.js';
import { formatOf, render, type WriterSettings } from '#daemon/writers/index.js';
import { lineLimits } from '#daemon/writers/subtitles/rules.js';
import { toLineUnits } from '#daemon/writers/subtitles/line-units.js';
import { scriptedSegment } from '#test/harness/fake-audio.js';
import { readSrt, readVtt } from '../cli/subtitle-readers.js';
import { defined } from '#daemon/protocol/defined.js';

function segment(start: number, end: number, text: string, words?: Word[]): Segment {
  return { ...scriptedSegment(0), start, end, text, ...defined({ words }) };
}

/** A segment with words of `step` seconds each. */
function spoken(start: number, step: number, ...texts: string[]): Segment {
  const words = texts.map((word, index) => ({
    start: start + index * step,
    end: start + (index + 1) * step,
    word,
    probability: 0.9,
  }));
  return segment(start, start + texts.length * step, texts.join(''), words);
}

async function write(format: 'srt' | 'vtt', segments: Segment[], settings?: WriterSettings): Promise<string> {
  const timings = { load: 0, mel: 0, encode: 0, decode: 0, total: 0 };
  const summary = { language: 'en', durationSeconds: 60, timings, model: 'base', segments: segments.length };
  return render(await formatOf(format).writer(settings), { file: 'a.wav', segments, summary });
}

async function lines(text: string, rules: WriterSettings['rules']): Promise<string[][]> {
  const cues = readSrt(await write('srt', [segment(0, 30, text)], rules === undefined ? {} : { rules }));
  return cues.map((cue) => [...cue.lines]);
}

describe('subtitle lines', () => {
  test.each([
    ['after punctuation', 'It was late. Nobody had called.', 24, ['It was late.', 'Nobody had called.']],
    [
      'after punctuation',
      'The train was late, but nobody seemed to mind it very much.',
      42,
      ['The train was late,', 'but nobody seemed to mind it very much.'],
    ],
    [
      'before a conjunction',
      'She had packed her bags and called for a taxi',
      40,
      ['She had packed her bags', 'and called for a taxi'],
    ],
    ['evenly', 'We are expecting some turbulence.', 32, ['We are expecting', 'some turbulence.']],
    ['never after an article', 'He was looking at the moon', 22, ['He was looking', 'at the moon']],
  ])('break %s: %s', async (_, text, maxLineWidth, expected) => {
    expect(await lines(text, { maxLineWidth })).toEqual([expected]);
  });

  test('a word wider than the line gets its own line', async () => {
    expect(await lines('See Donaudampfschifffahrtsgesellschaft there', { maxLineWidth: 10 })).toEqual([
      ['See', 'Donaudampfschifffahrtsgesellschaft'],
      ['there'],
    ]);
  });

  test('languages without spaces break between words, and no line begins with a full stop', async () => {
    const text = '我们昨天在家里看书，后来一起去了学校附近的公园。';
    const cues = await lines(text, { maxLineWidth: 16, maxLineCount: 1 });
    expect(cues.flat().join('')).toBe(text);
    const inside = ['我们', '昨天', '学校', '附近', '公园'];
    for (const word of inside) expect(cues.flat().some((line) => line.includes(word))).toBe(true);
    for (const line of cues.flat()) {
      expect(columnsOf(line)).toBeLessThanOrEqual(16);
      expect(line).not.toMatch(/^[，。]/u);
    }
  });

  test('single characters that a model gives as words are put together again', () => {
    const units = toLineUnits(spoken(0, 0.2, ...'我们在学校。'));
    expect(units.map((unit) => unit.text)).toEqual(['我们', '在', '学校。']);
    expect(units.map((unit) => unit.words.length)).toEqual([2, 1, 3]);
  });

  test.each([
    [{ maxWordsPerLine: 3 }, [['one two three'], ['four five six'], ['seven']]],
    [{ maxWordsPerLine: 3, maxLineCount: 2 }, [['one two three', 'four five six'], ['seven']]],
    [{ maxLineCount: 1 }, [['one two three four five six seven']]],
  ])('%j', async (rules, expected) => {
    expect(await lines('one two three four five six seven', rules)).toEqual(expected);
  });

  test('without words the times of cues follow their share of the characters', async () => {
    const document = await write('srt', [segment(10, 20, ' aaaa bbbb aaaa bbbb')], {
      rules: { maxWordsPerLine: 2 },
    });
    expect(readSrt(document).map(({ start, end }) => [start, end])).toEqual([
      [10_000, 15_263],
      [15_263, 20_000],
    ]);
  });

  test('no cue is shown during a long silence within a segment', async () => {
    const words = [
      { start: 0, end: 1, word: ' Wait', probability: 1 },
      { start: 9, end: 10, word: ' here.', probability: 1 },
    ];
    const document = await write('srt', [segment(0, 10, ' Wait here.', words)], {
      rules: { maxLineWidth: 42 },
    });
    expect(readSrt(document)).toEqual([
      { start: 0, end: 1000, lines: ['Wait'] },
      { start: 9000, end: 10_000, lines: ['here.'] },
    ]);
  });

  test('a cue too short or too fast to read extends into the following silence only', async () => {
    const document = await write('srt', [
      segment(0, 0.2, ' Yes.'),
      segment(5, 6, ' This is rather a lot to read in one second.'),
      segment(6.5, 6.6, ' No.'),
      segment(7, 7.1, ' Well.'),
    ]);
    expect(readSrt(document).map(({ start, end }) => [start, end])).toEqual([
      [0, 833],
      [5000, 6500],
      [6500, 7000],
      [7000, 7833],
    ]);
  });

  test('a file that fails midway still writes the pending cue', async () => {
    const writer = await formatOf('srt').writer();
    const written = [writer.begin(), writer.segment(segment(0, 2, ' Only this.')), writer.flush?.()].join('');
    expect(readSrt(written)).toEqual([{ start: 0, end: 2000, lines: ['Only this.'] }]);
  });
});

describe('--highlight-words', () => {
  const subtitleText = spoken(1, 0.5, ' Hello,', ' big', ' world.');

  test('srt: a cue for each word, with that word underlined', async () => {
    expect(await write('srt', [subtitleText], { highlightWords: true })).toBe(
      [
        '1\n00:00:01,000 --> 00:00:01,500\n<u>Hello,</u> big world.\n',
        '2\n00:00:01,500 --> 00:00:02,000\nHello, <u>big</u> world.\n',
        '3\n00:00:02,000 --> 00:00:02,500\nHello, big <u>world.</u>\n\n',
      ].join('\n'),
    );
  });

  test('underlines nothing between two words', async () => {
    const words = [
      { start: 0, end: 1, word: ' a<', probability: 1 },
      { start: 2, end: 3, word: ' b', probability: 1 },
    ];
    const document = await write('vtt', [segment(0, 3, ' a< b', words)], { highlightWords: true });
    expect(document.match(/.*a&lt;.*/g)).toEqual(['<u>a&lt;</u> b', 'a&lt; b', 'a&lt; <u>b</u>']);
  });

  test('words without duration are skipped, but their text is kept', async () => {
    const words = [{ start: 1, end: 1, word: ' Oh.', probability: 1 }];
    const document = await write('srt', [segment(1, 1, ' Oh.', words)], { highlightWords: true });
    expect(readSrt(document)).toEqual([{ start: 1000, end: 1833, lines: ['Oh.'] }]);
  });

  test('a segment without words is one cue', async () => {
    expect(await write('srt', [segment(0, 2, ' One two.')], { highlightWords: true })).toBe(
      '1\n00:00:00,000 --> 00:00:02,000\nOne two.\n\n',
    );
  });
});

describe('vtt word times', () => {
  test('each word but the first has its own time', async () => {
    expect(await write('vtt', [spoken(1, 0.5, ' R&D', ' is', ' <fun>.')])).toBe(
      'WEBVTT\n\n00:00:01.000 --> 00:00:02.500\nR&amp;D <00:00:01.500>is <00:00:02.000>&lt;fun&gt;.\n\n',
    );
  });

  test('a word that does not start later shares the previous time', async () => {
    const words = [1, 1, 0.5, 3].map((start, index) => ({
      start,
      end: 2,
      word: ` w${index}`,
      probability: 1,
    }));
    const document = await write('vtt', [segment(1, 2, ' w0 w1 w2 w3', words)]);
    expect(document).toContain('\nw0 w1 w2 w3\n');
  });
});

const word = fc.oneof(
  fc.constantFrom(
    ' the',
    ' and',
    ' Yes.',
    ' well,',
    ' I',
    '-->',
    ' <b>',
    ' &amp;',
    '图书馆',
    '。',
    'ありがとう',
    ' «',
    ' »',
  ),
  fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => ` ${text}`),
);
const time = fc.double({ min: -1, max: 90, noNaN: true });
const anySegment = fc
  .record({
    texts: fc.array(word, { maxLength: 25 }),
    start: time,
    length: time,
    withWords: fc.boolean(),
    jumps: fc.array(time, { minLength: 25, maxLength: 25 }),
    wild: fc.boolean(),
  })
  .map(({ texts, start, length, withWords, jumps, wild }) => {
    const end = start + length;
    const words = texts.map((text, index) => {
      const from = wild ? (jumps[index] ?? 0) : start + (Math.abs(length) * index) / texts.length;
      const to = wild ? (jumps[24 - index] ?? 0) : start + (Math.abs(length) * (index + 0.8)) / texts.length;
      return { start: from, end: to, word: text, probability: 0.5 };
    });
    return segment(start, end, texts.join(''), withWords ? words : undefined);
  });
const limit = fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined });
const anySettings = fc
  .record({
    width: fc.option(fc.integer({ min: 8, max: 60 }), { nil: undefined }),
    count: limit,
    words: limit,
    highlightWords: fc.boolean(),
  })
  .map(({ width, count, words, highlightWords }) => ({
    highlightWords,
    rules: {
      ...defined({ maxLineWidth: width, maxLineCount: count, maxWordsPerLine: words }),
    },
  }));

/** Text without spacing and without the arrows that SubRip can't contain. */
function letters(texts: readonly string[]): string {
  return texts
    .join('')
    .replace(/[\s\p{Cc}]+/gu, '')
    .replace(/-{2,}>/g, '->');
}

describe.each(['srt', 'vtt'] as const)('any %s', (format) => {
  const read = format === 'srt' ? readSrt : readVtt;

  test('has its cues in order, never two at once, none empty', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anySegment, { maxLength: 6 }), anySettings, async (segments, settings) => {
        let last = 0;
        for (const { start, end } of read(await write(format, segments, settings))) {
          expect(start).toBeGreaterThanOrEqual(last);
          expect(end).toBeGreaterThan(start);
          last = end;
        }
      }),
    );
  });

  test('holds the whole text, in its order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anySegment, { maxLength: 6 }), anySettings, async (segments, { rules }) => {
        const cues = read(await write(format, segments, { rules }));
        expect(letters(cues.flatMap((cue) => cue.lines))).toBe(letters(segments.map(({ text }) => text)));
      }),
    );
  });

  test('keeps the limits except for single words wider than a line', async () => {
    await fc.assert(
      fc.asyncProperty(anySegment, anySettings, async (one, { rules }) => {
        const limits = lineLimits(rules);
        if (limits === undefined) return;
        const texts = new Set(toLineUnits(one).map((unit) => unit.text.replace(/-{2,}>/g, '->')));
        for (const cue of read(await write(format, [one], { rules }))) {
          expect(cue.lines.length).toBeLessThanOrEqual(limits.lines);
          for (const line of cue.lines) {
            if (!texts.has(line.replace(/-{2,}>/g, '->')))
              expect(columnsOf(line)).toBeLessThanOrEqual(limits.width);
          }
        }
      }),
    );
  });

  test('is the same for the same input', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anySegment, { maxLength: 3 }), anySettings, async (segments, settings) => {
        expect(await write(format, segments, settings)).toBe(await write(format, segments, settings));
      }),
      { numRuns: 20 },
    );
  });
});
