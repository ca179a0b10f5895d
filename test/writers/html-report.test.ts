/** The HTML report: its text by parsing, its behavior in a real browser if one starts. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { formatOf, render } from '#daemon/writers/index.js';
import { toSpans } from '#daemon/writers/report/spans.js';
import type { ReportAudio } from '#daemon/writers/writer.js';
import type { Segment } from '#daemon/protocol/transcription.js';
import { scriptedSegment } from '#test/harness/fake-audio.js';
import { describeUnless } from '#test/harness/skipping.js';
import { wavHead } from '#test/harness/wav-head.js';
import { startBrowser, type Browser, type Page } from '../cli/browser.js';
import { defined } from '#daemon/protocol/defined.js';

const SECONDS = 6;

/** Six seconds of a tone that swells and fades each second: 8 kHz, 16 bits, mono. */
function tone(): Buffer {
  const samples = new Int16Array(SECONDS * 8000);
  for (let i = 0; i < samples.length; i++) {
    samples[i] = 12_000 * Math.sin((2 * Math.PI * 220 * i) / 8000) * Math.sin((Math.PI * i) / 8000) ** 2;
  }
  const data = Buffer.from(samples.buffer);
  return Buffer.concat([wavHead(samples.length, 8000), data]);
}

const embedded: ReportAudio = {
  kind: 'embedded',
  mime: 'audio/wav',
  base64: tone().toString('base64'),
};
const hostile = ` <script>document.title='owned'</script><img src=x onerror="document.title='owned'"> "'&amp;`;

function segment(start: number, texts: readonly string[], withWords: boolean): Segment {
  const step = 2 / texts.length;
  const words = texts.map((word, index) => ({
    start: start + index * step,
    end: start + (index + 1) * step - 0.05,
    word,
    probability: [0.99, 0.7, 0.5, 0.1][index % 4] ?? 1,
  }));
  const whole = { ...scriptedSegment(0), start, end: start + 2, text: texts.join('') };
  return withWords ? { ...whole, words } : whole;
}

async function report(withWords: boolean, audio?: ReportAudio, file = 'talk <1>.wav'): Promise<string> {
  const segments = [
    segment(0, [' One', ' two', ' three', ' four.'], withWords),
    segment(2, [' Five', ' six.'], withWords),
    segment(4, [hostile, ' 七', '八。'], withWords),
  ];
  const timings = { load: 0, mel: 0, encode: 0, decode: 0, total: 0 };
  const summary = { language: 'en', durationSeconds: SECONDS, timings, model: 'base', segments: 3 };
  const transcript = { file, segments, summary, ...defined({ audio }) };
  return render(await formatOf('html').writer(), transcript);
}

describe('--format html', () => {
  test('escapes every text, and is the same for the same input', async () => {
    const page = await report(true, embedded);
    expect(page).not.toContain('<img');
    expect(page.match(/<script/g)).toHaveLength(1);
    expect(page).toContain('talk &lt;1&gt;.wav');
    expect(await report(true, embedded)).toBe(page);
  });

  test('contains no external URL', async () => {
    const page = (await report(true, embedded)).replace(/src="data:[^"]*"/, '');
    expect(page).not.toMatch(/https?:|\/\/\w|@import|url\(/);
  });

  test('highlights words however a model spaces them', () => {
    const words = [' One', ' ', 'two ', 'three', '.'];
    const whole = segment(0, words, true);
    expect(toSpans(whole).map(({ hasSpaceBefore, text }) => [hasSpaceBefore, text])).toEqual([
      [false, 'One'],
      [true, 'two'],
      [true, 'three'],
      [false, '.'],
    ]);
    // Words that do not match the text are ignored.
    expect(toSpans({ ...whole, text: ' Something else.' }).map(({ text }) => text)).toEqual([
      'Something else.',
    ]);
  });

  test('says if there is no speech', async () => {
    const timings = { load: 0, mel: 0, encode: 0, decode: 0, total: 0 };
    const summary = { language: '', durationSeconds: 3, timings, model: 'base', segments: 0 };
    const page = render(await formatOf('html').writer(), { file: 'silence.wav', segments: [], summary });
    expect(page).toContain('No speech detected.');
  });
});

const started = await startBrowser();

describeUnless(typeof started === 'string' ? started : undefined)('a report in a browser', () => {
  const browser = started as Browser;
  let folder: string;
  /** Requests beyond the page itself, and reported policy breaches and errors. */
  let requests: string[] = [];
  let complaints: string[] = [];
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'so-report-'));
    browser.onEvent = (method, params) => {
      if (method === 'Network.requestWillBeSent') requests.push((params.request as { url: string }).url);
      if (method === 'Log.entryAdded') {
        const { level, text } = params.entry as { level: string; text: string };
        if (level === 'error') complaints.push(text);
      }
      if (method === 'Runtime.exceptionThrown') complaints.push(JSON.stringify(params.exceptionDetails));
    };
  });
  afterEach(() => {
    requests = [];
    complaints = [];
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(html: string, width = 1100): Promise<Page> {
    const path = join(folder, 'report.html');
    writeFileSync(path, html);
    return browser.open(pathToFileURL(path).href, { width, height: 800 });
  }

  const lit = `document.querySelector('.w.now')?.textContent`;

  test('plays and draws the embedded audio, and highlights the current word', async () => {
    const page = await open(await report(true, embedded));
    await page.until(`document.getElementById('wave').dataset.peaks !== undefined && audio.readyState > 0`);
    expect(await page.evaluate(`document.getElementById('wave').dataset.peaks`)).toBe(String(SECONDS * 50));
    expect(await page.evaluate('audio.duration')).toBe(SECONDS);
    // Peaks as loud as the tone: a bar in the middle of a second, next to none between two.
    const ink = (second: number) => `(() => { const { width, height } = canvas;
      const x = Math.round(width * ${second} / ${SECONDS}) - 4;
      const data = canvas.getContext('2d').getImageData(x, 0, 8, height).data;
      return data.filter((value, index) => index % 4 === 3 && value > 0).length; })()`;
    expect(Number(await page.evaluate(ink(3.5)))).toBeGreaterThan(4 * Number(await page.evaluate(ink(4))));
    await page.key(' ');
    await page.until('!audio.paused && audio.currentTime > 0.6');
    await page.until(`document.querySelector('.w.now') !== null`);
    await page.key(' ');
    await page.until('audio.paused');
    const words = `[...document.querySelectorAll('.w')].filter((word) => word.dataset.s / 1000 <= audio.currentTime
      + 0.002 && audio.currentTime < word.dataset.e / 1000).map((word) => word.textContent)[0]`;
    await page.until(`(${lit}) === (${words})`);
    expect(complaints).toEqual([]);
  });

  test('a word, a time and the waveform seek when they are clicked', async () => {
    const page = await open(await report(true, embedded));
    await page.until('audio.readyState > 0');
    await page.click('.row:nth-child(2) .w:nth-of-type(2)');
    await page.until(`Math.abs(audio.currentTime - 3) < 0.01 && ${lit} === 'six.'`);
    await page.click('#wave');
    await page.until('Math.abs(audio.currentTime - 3) < 0.05');
    await page.click('.row:nth-child(3) .at');
    await page.until('!audio.paused && audio.currentTime >= 4');
    expect(complaints).toEqual([]);
  });

  test('keys: arrows by seconds, words and lines', async () => {
    const page = await open(await report(true, embedded));
    await page.until('audio.readyState > 0');
    const SHIFT = 8;
    const steps: [string, number, number][] = [
      ['ArrowDown', 0, 2],
      ['ArrowRight', SHIFT, 3],
      ['ArrowLeft', SHIFT, 2],
      ['ArrowDown', 0, 4],
      ['ArrowUp', 0, 2],
      ['ArrowRight', 0, SECONDS],
      ['ArrowLeft', 0, 1],
      ['Home', 0, 0],
    ];
    for (const [key, modifiers, seconds] of steps) {
      await page.key(key, modifiers);
      await page.until(`Math.abs(audio.currentTime - ${seconds}) < 0.01`);
    }
  });

  test('scrolls the current line into view, not under the player', async () => {
    const page = await open(await report(true, embedded));
    await page.until('audio.readyState > 0');
    await page.evaluate(`document.body.style.paddingBottom = '2000px'; window.scrollTo(0, 1500)`);
    await page.key('ArrowDown');
    await page.until(`(() => { const { top, bottom } = document.querySelector('.row.now').getBoundingClientRect();
      return top > document.querySelector('.player').getBoundingClientRect().bottom && bottom < innerHeight; })()`);
  });

  test('shades uncertain words unless disabled', async () => {
    const page = await open(await report(true, embedded));
    const doubts = `[...document.querySelectorAll('.row:first-child .w')].map((word) => word.dataset.doubt ?? '')`;
    expect(await page.evaluate(doubts)).toEqual(['', '1', '2', '3']);
    const line = `getComputedStyle(document.querySelector('[data-doubt="3"]')).textDecorationLine`;
    expect(await page.evaluate(line)).toBe('underline');
    await page.click('#shading');
    expect(await page.evaluate(line)).toBe('none');
  });

  test('runs no script of the transcript and requests nothing', async () => {
    const page = await open(await report(true, embedded));
    await page.until(`document.getElementById('wave').dataset.peaks !== undefined`);
    expect(await page.evaluate('document.title')).toBe('talk <1>.wav – transcript');
    expect(await page.evaluate(`document.querySelector('.row:nth-child(3) .w').textContent`)).toBe(
      hostile.trim(),
    );
    expect(requests.filter((url) => !/^(file:.*report\.html|blob:|data:)/.test(url))).toEqual([]);
    // The policy also blocks an injected script.
    await page.evaluate(
      `document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.got = 1' }))`,
    );
    expect(await page.evaluate('window.got ?? 0')).toBe(0);
    expect(await page.evaluate(`fetch('data:,x').then(() => 'let out', () => 'kept in')`)).toBe('kept in');
  });

  test('highlights lines if there are no words', async () => {
    const page = await open(await report(false, embedded));
    await page.until('audio.readyState > 0');
    await page.click('.row:nth-child(2) .w');
    await page.until(
      `${lit} === 'Five six.' && document.querySelector('.row.now .at').textContent === '0:02'`,
    );
  });

  test('plays linked audio; the user can choose a file if it is missing', async () => {
    writeFileSync(join(folder, 'a b.wav'), tone());
    const page = await open(await report(true, { kind: 'linked', href: './a%20b.wav' }));
    await page.until(`audio.readyState > 0 && audio.duration === ${SECONDS}`);
    expect(complaints).toEqual([]);

    const gone = await open(await report(true, { kind: 'linked', href: './gone.wav' }));
    await gone.until(`document.getElementById('notice').textContent.includes('can’t play')`);
    const { root } = await gone.call('DOM.getDocument');
    const { nodeId } = await gone.call('DOM.querySelector', {
      nodeId: (root as { nodeId: number }).nodeId,
      selector: '#file',
    });
    await gone.call('DOM.setFileInputFiles', { nodeId, files: [join(folder, 'a b.wav')] });
    await gone.until(
      `audio.duration === ${SECONDS} && document.getElementById('wave').dataset.peaks !== undefined`,
    );
  });

  test('names every control and fits a phone', async () => {
    const page = await open(await report(true, embedded), 360);
    const nameless = `[...document.querySelectorAll('button, input, [role=slider], audio')].filter((element) =>
      !(element.getAttribute('aria-label') ?? element.closest('label')?.textContent ?? '').trim()).map((e) => e.outerHTML)`;
    expect(await page.evaluate(nameless)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
  });
});
