import { describe, expect, test } from '@jest/globals';
import { barChart } from './bar-chart.js';
import { choose, contenders, BASELINE_PEER } from './contenders.js';
import { Disturbance, parseSystemTicks } from './disturbance.js';
import { chart, goals, markdownReport, type ContenderResult } from './offline-report.js';

function standing(name: string, seconds: number, more: Partial<ContenderResult> = {}): ContenderResult {
  return {
    name,
    label: name,
    isSotto: name === 'sotto',
    versions: { [name]: '1.0' },
    settings: 'as is',
    short: { audioSeconds: 100, seconds, spread: 1, wordErrors: { errors: 9, words: 100 } },
    long: undefined,
    encodeSeconds: 0.4,
    tokenMs: 5,
    warmSeconds: 0.3,
    coldSeconds: 1.5,
    shortMegabytes: 300,
    longMegabytes: undefined,
    ...more,
  };
}

const about = {
  commit: 'abc1234',
  machine: 'two cores',
  date: '2025-01-01',
  model: 'base',
  settings: 'greedy',
  disturbed: 0.034,
};

describe('the report', () => {
  const sotto = standing('sotto', 6);
  const baselinePeer = standing(BASELINE_PEER, 8, { encodeSeconds: 0.5 });

  test('shows commit, machine, date, model, settings and the load of other programs', () => {
    const text = markdownReport([sotto, baselinePeer], about);
    for (const what of ['abc1234', 'two cores', '2025-01-01', 'base', 'greedy', 'used 3 %']) {
      expect(text).toContain(what);
    }
  });

  test('shows speed relative to the audio and to faster-whisper', () => {
    const row = markdownReport([sotto, baselinePeer], about)
      .split('\n')
      .find((line) => line.includes('**sotto**'));
    expect(row?.split('|').map((cell) => cell.trim())).toEqual(
      expect.arrayContaining(['0.060', '0.75 / –', '0.40', '5.0', '300 / –', '9.0']),
    );
  });

  test('shows only the goals for the available contenders', () => {
    const judged = (standings: ContenderResult[]) => goals(sotto, standings).map(({ what }) => what);
    expect(judged([sotto])).toEqual(['warm 4.9 s clip', 'cold, start to text', 'peak memory']);
    expect(judged([sotto, baselinePeer])).toHaveLength(5);
    expect(judged([sotto, baselinePeer, standing('whisper.cpp', 9)])).toHaveLength(6);
  });

  test('compares token time with the fastest whisper.cpp build', () => {
    const builds = [
      standing('whisper.cpp', 9, { tokenMs: 4 }),
      standing('whisper.cpp-wheel', 9, { tokenMs: 3 }),
    ];
    const token = goals(sotto, [sotto, ...builds]).find(({ unit }) => unit === 'ms');
    expect(token).toMatchObject({ reached: 5, limit: 3 });
  });

  test('draws a chart of all contenders', () => {
    const svg = chart([sotto, baselinePeer], about);
    expect(svg).toContain('>sotto<');
    expect(svg).toContain('abc1234');
    expect(svg).not.toContain('NaN');
    expect(svg).not.toContain('6.8 minutes'); // not measured
  });
});

describe('the bars', () => {
  const draw = (values: (number | undefined)[]) =>
    barChart({
      title: 'a < b & c',
      rows: values.map((_, i) => ({ label: `row ${i}`, accent: i === 0 })),
      columns: [{ title: 'x', values, format: (x) => x.toFixed(1) }],
      notes: [],
    });
  const widths = (svg: string) =>
    [...svg.matchAll(/<rect x="\d+" .*?width="(\d+)"/g)].map((match) => Number(match[1]));

  test('are proportional to their values and always visible', () => {
    const [half, whole, tiny] = widths(draw([5, 10, 0.0001]));
    expect(half).toBe((whole ?? 0) / 2);
    expect(tiny).toBe(1);
  });

  test('show a dash without a value', () => {
    expect(widths(draw([undefined, 1]))).toHaveLength(1);
    expect(draw([undefined, 1])).toContain('>–<');
  });

  test('escape their texts', () => {
    expect(draw([1])).toContain('a &lt; b &amp; c');
  });
});

describe('the choice of contenders', () => {
  const all = contenders([{ name: 'sotto', label: 'Sotto', folder: '/models/base' }]);

  test('gives instructions for a contender that cannot run', () => {
    const { missing } = choose(contenders([{ name: 'sotto', label: 'Sotto', folder: undefined }]), ['sotto']);
    expect(missing[0]?.missing).toMatch(/SOTTO_BASE/);
  });

  test('refuses an unknown name and lists the known ones', () => {
    expect(() => choose(all, ['missing'])).toThrow(
      /unknown contender missing; choose from sotto, faster-whisper-int8/,
    );
  });

  test('keeps the default order', () => {
    const { ready, missing } = choose(all, ['whisper.cpp', 'sotto']);
    const names = [...ready, ...missing].map(({ name }) => name);
    expect(names.toSorted()).toEqual(['sotto', 'whisper.cpp']);
    expect(ready[0]?.name).toBe('sotto');
  });
});

describe('disturbance', () => {
  const stat = (busy: number, idle: number) =>
    parseSystemTicks(`cpu  ${busy} 0 0 ${idle} 0 0 0 0 0 0\ncpu0 1 1 1`);

  test('is the load of the system beyond the contender', () => {
    const disturbance = new Disturbance();
    disturbance.add(stat(100, 100), stat(200, 300), 80);
    expect(disturbance.share).toBeCloseTo(20 / 300);
  });

  test('is unknown if the system does not report its load', () => {
    const disturbance = new Disturbance();
    disturbance.add(undefined, undefined, 5);
    expect(disturbance.share).toBeUndefined();
  });
});
