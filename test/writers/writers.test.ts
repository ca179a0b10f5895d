import { describe, expect, test } from '@jest/globals';
import type { Segment } from '#daemon/protocol/transcription.js';
import { formatOf, render, type FormatName, type WriterSettings } from '#daemon/writers/index.js';
import { timestamp } from '#daemon/writers/timestamp.js';
import { scriptedSegment } from '#test/harness/fake-audio.js';

function segment(start: number, end: number, text: string): Segment {
  return { ...scriptedSegment(0), start, end, text };
}

/** What the family knows about a segment stands beside the common fields. */
const inJson = ({ details, ...common }: Segment) => ({ ...common, ...details?.whisper });

async function write(format: FormatName, segments: Segment[], settings?: WriterSettings): Promise<string> {
  const timings = { load: 0.5, mel: 1, encode: 2, decode: 3, total: 6 };
  const summary = { language: 'en', durationSeconds: 9, timings, model: 'base', segments: segments.length };
  return render(await formatOf(format).writer(settings), { file: 'talks/one.mp3', segments, summary });
}

const hard = [
  segment(0, 1.5, ' Tom & "Jerry" <i>run</i> --> home.'),
  segment(1.25, 1.2, ' It ends\nbefore\tit starts. '),
  segment(3_599.9996, 366_123.4, ' Late.'),
  segment(366_124, 366_125, '   '),
];

describe('writers', () => {
  test('text: one line per segment, none for silence', async () => {
    expect(await write('text', hard)).toBe(
      'Tom & "Jerry" <i>run</i> --> home.\nIt ends\nbefore it starts.\nLate.\n',
    );
  });

  test('srt: numbered cues, hours past 99, no arrow in the text', async () => {
    expect(await write('srt', hard)).toBe(
      [
        '1\n00:00:00,000 --> 00:00:01,250\nTom & "Jerry" <i>run</i> -> home.\n',
        '2\n00:00:01,250 --> 00:00:02,450\nIt ends\nbefore it starts.\n',
        '3\n01:00:00,000 --> 101:42:03,400\nLate.\n\n',
      ].join('\n'),
    );
  });

  test('vtt: a header, points in the times, entities in the text', async () => {
    expect(await write('vtt', hard)).toBe(
      [
        'WEBVTT\n',
        '00:00:00.000 --> 00:00:01.250\nTom &amp; "Jerry" &lt;i&gt;run&lt;/i&gt; --&gt; home.\n',
        '00:00:01.250 --> 00:00:02.450\nIt ends\nbefore it starts.\n',
        '01:00:00.000 --> 101:42:03.400\nLate.\n\n',
      ].join('\n'),
    );
  });

  test('tsv: whole milliseconds, no tab or line break inside a field', async () => {
    expect(await write('tsv', hard)).toBe(
      [
        'start\tend\ttext',
        '0\t1500\tTom & "Jerry" <i>run</i> --> home.',
        '1250\t1250\tIt ends before it starts.',
        '3600000\t366123400\tLate.\n',
      ].join('\n'),
    );
  });

  test('json: one object on one line, with every field that scripts rely on', async () => {
    const text = await write('json', [segment(0, 1, ' One\ntwo,'), segment(1, 2, ' three.')]);
    expect(text.trimEnd()).not.toContain('\n');
    const object = JSON.parse(text) as Record<string, unknown>;
    expect(Object.keys(object)).toEqual([
      'file',
      'text',
      'language',
      'duration',
      'segments',
      'timings',
      'model',
    ]);
    expect(object).toMatchObject({
      file: 'talks/one.mp3',
      text: 'One\ntwo, three.',
      duration: 9,
      timings: { load: 0.5, mel: 1, encode: 2, decode: 3, total: 6 },
      model: 'base',
    });
    expect(object.segments).toEqual([segment(0, 1, ' One\ntwo,'), segment(1, 2, ' three.')].map(inJson));
  });

  test('json: the words of a segment, where it has them', async () => {
    const words = [
      { start: 0.1, end: 0.4, word: ' One', probability: 0.9 },
      { start: 0.5, end: 0.9, word: ' two.', probability: 0.5 },
    ];
    const segments = [{ ...segment(0, 1, ' One two.'), words }, segment(1, 2, ' three.')];
    expect(JSON.parse(await write('json', segments))).toMatchObject({ segments: segments.map(inJson) });
  });

  test.each([
    ['text', ''],
    ['srt', ''],
    ['vtt', 'WEBVTT\n\n'],
    ['tsv', 'start\tend\ttext\n'],
  ] as const)('%s of a file without speech', async (format, expected) => {
    expect(await write(format, [])).toBe(expected);
  });

  test('rounds times before splitting them, never to 60 seconds', () => {
    expect([59.9996, 3_599.9999, 0.0004, -1].map((seconds) => timestamp(seconds, '.'))).toEqual([
      '00:01:00.000',
      '01:00:00.000',
      '00:00:00.000',
      '00:00:00.000',
    ]);
  });
});

describe('line breaks inside a segment', () => {
  const broken = (text: string, ...words: string[]): Segment => ({
    ...segment(0, 4, text),
    ...(words.length > 0 && {
      words: words.map((word, index) => ({ start: index, end: index + 1, word, probability: 0.9 })),
    }),
  });

  test('text: a break is a line break, two are an empty line; breaks at segment edges merge with the segment’s line', async () => {
    const texts = [' One\ntwo.\n', '\nThree\r\nfour.', '\nfive.', '\n', ' six\n\n\nseven\n\n'];
    const segments = texts.map((text) => segment(0, 1, text));
    expect(await write('text', segments)).toBe('One\ntwo.\n\nThree\nfour.\nfive.\nsix\n\n\nseven\n');
  });

  test.each(['srt', 'vtt'] as const)(
    '%s: a break starts a line of the cue, never an empty one',
    async (format) => {
      const cue = async (one: Segment, settings?: WriterSettings): Promise<string> =>
        (await write(format, [one], settings)).replace(/^WEBVTT\n\n/, '');
      const body = async (one: Segment): Promise<string[]> =>
        (await cue(one)).trimEnd().split('\n').slice(-2);
      expect(await body(broken(' And so my\n\nask not.'))).toEqual(['And so my', 'ask not.']);
      const timed = broken(' And\nask not.', ' And', '\nask', ' not.');
      const lines = (await body(timed)).map((line) => line.replace(/<[\d:.]+>/g, ''));
      expect(lines).toEqual(['And', 'ask not.']);
      const inside = broken(' one two\nthree', ' one', ' two\nthree');
      expect((await body(inside)).map((line) => line.replace(/<[\d:.]+>/g, ''))).toEqual([
        'one two',
        'three',
      ]);
    },
  );

  test('srt: a break ends a line, and the cue if it has no more lines', async () => {
    const text = ' one two\nthree four five six';
    const rules = { maxLineWidth: 14, maxLineCount: 2 };
    const two = (await write('srt', [segment(0, 4, text)], { rules })).trimEnd().split('\n\n');
    expect(two.flatMap((cue) => cue.split('\n').slice(2))).toEqual(['one two', 'three four', 'five six']);
    expect(two.every((cue) => cue.split('\n').length <= 4)).toBe(true);
    const one = await write('srt', [segment(0, 4, ' one\ntwo')], { rules: { maxLineCount: 1 } });
    expect(one.trimEnd().split('\n\n')).toHaveLength(2);
  });

  test('html: a break on the page; words are still highlighted one by one', async () => {
    const page = await write('html', [broken(' And\nask not.', ' And', '\nask', ' not.')]);
    expect(page).toMatch(/>And<\/span><br><span class="w"[^>]*>ask<\/span> <span class="w"[^>]*>not\.</);
    const whole = await write('html', [segment(0, 4, ' And\nask')]);
    expect(whole).toMatch(/>And<\/span><br><span class="w"[^>]*>ask</);
  });
});

describe('markdown', () => {
  test('a heading, paragraphs that end where the speaker pauses, line breaks that stay', async () => {
    const segments = [
      segment(0, 2, ' It was late.'),
      segment(2.5, 3, ' Nobody\ncalled.'),
      segment(6, 7, ' Then it rang.'),
      segment(7, 8, ' Yes?\n\nNo.'),
    ];
    expect(await write('md', segments)).toBe(
      '# one.mp3\n\nIt was late. Nobody\\\ncalled.\n\nThen it rang. Yes?\n\nNo.\n',
    );
    expect(await write('md', [])).toBe('# one.mp3\n');
  });

  test('escapes markup in the text', async () => {
    const texts = ['# no *head* _or_ <b>', '- 1', '1. one', '[a](b) `c` &amp;', '---'];
    const document = await write('md', [segment(0, 1, texts.join('\n'))]);
    expect(document.trimEnd().split('\n').slice(2)).toEqual([
      String.raw`\# no \*head\* \_or\_ \<b\>` + '\\',
      String.raw`\- 1` + '\\',
      String.raw`1\. one` + '\\',
      '\\[a\\](b) \\`c\\` \\&amp;\\',
      String.raw`\---`,
    ]);
  });

  test('joins scripts without spaces without one', async () => {
    expect(await write('md', [segment(0, 1, '你好。'), segment(1, 2, '我们走。')])).toContain(
      '你好。我们走。',
    );
  });
});
