import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { columnsOf, fitEnd, fitStart } from '#daemon/cli/terminal/columns.js';
import { clock, formatSpeed } from '#daemon/format-duration.js';
import { progressLine } from '#daemon/cli/terminal/progress-line.js';
import { styleFor, wantsColor } from '#daemon/cli/terminal/style.js';

const plain = styleFor(false);
const anyText = fc.string({
  unit: fc.constantFrom('a', ' ', '語', 'é', 'ﬁ', '👩‍👩‍👧', '한', '-'),
  maxLength: 40,
});

describe('columns', () => {
  test('cut text to what fits, wide characters included, and never inside a character', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 2, max: 50 }), (text, columns) => {
        for (const fit of [fitStart, fitEnd]) {
          const cut = fit(text, columns);
          expect(columnsOf(cut)).toBeLessThanOrEqual(columns);
          if (columnsOf(text) <= columns) expect(cut).toBe(text);
          else expect(text).toContain(cut.replace('…', ''));
        }
      }),
    );
  });

  test('keep the last words of a growing line', () => {
    expect(fitEnd('and so my fellow Americans', 12)).toBe('…w Americans');
    expect(fitEnd('日本語の文章', 7)).toBe('…の文章');
  });
});

describe('progressLine', () => {
  const state = { doneSeconds: 83, totalSeconds: 200, elapsedSeconds: 6.9 };

  test('shows progress, speed and remaining time', () => {
    const line = progressLine(state, 100, plain);
    for (const part of [' 41%', '1:23 / 3:20', '12× real time', '0:10 left']) expect(line).toContain(part);
  });

  test('fits into any width, dropping the last facts first', () => {
    for (let columns = 19; columns < 120; columns++) {
      expect(columnsOf(progressLine(state, columns, plain))).toBeLessThanOrEqual(columns);
    }
    expect(progressLine(state, 30, plain)).toContain('1:23 / 3:20');
    expect(progressLine(state, 30, plain)).not.toContain('left');
  });

  test('shows no total if the duration is unknown', () => {
    const line = progressLine({ doneSeconds: 83, elapsedSeconds: 7 }, 100, plain);
    expect(line).not.toMatch(/%|left|━/);
  });

  test('shows no bar before the first progress', () => {
    const line = progressLine({ doneSeconds: 0, totalSeconds: 11, elapsedSeconds: 1 }, 60, plain);
    expect(line).toContain('transcribing 0:11 of audio…');
    expect(line).not.toMatch(/%|─/);
  });

  test('shows what it waits for', () => {
    expect(progressLine({ ...state, waiting: 'loading model…' }, 40, plain)).toContain('loading model…');
  });

  test('clock and speed', () => {
    expect([0, 59.6, 3_599, 36_610].map(clock)).toEqual(['0:00', '1:00', '59:59', '10:10:10']);
    expect([0.854, 1, 9.94, 12.4, 130].map(formatSpeed)).toEqual(['0.85×', '1.0×', '9.9×', '12×', '130×']);
  });
});

describe('color', () => {
  const tty = { isTTY: true };
  test.each([
    [tty, {}, true],
    [{}, {}, false],
    [tty, { NO_COLOR: '1' }, false],
    [tty, { NO_COLOR: '' }, true],
    [tty, { TERM: 'dumb' }, false],
    [{}, { FORCE_COLOR: '1' }, true],
    [{}, { FORCE_COLOR: '1', NO_COLOR: '1' }, false],
  ])('%j with %j: %p', (stream, env, expected) => {
    expect(wantsColor(stream, env)).toBe(expected);
  });
});
