import { describe, expect, test } from '@jest/globals';
import { barChart } from './bar-chart.js';
import { choose, contenders, BASELINE_PEER } from './contenders.js';
import { Disturbance, parseSystemTicks } from './disturbance.js';
import { chart, goals, markdownReport, type ContenderResult } from './offline-report.js';

function standing(name: string, seconds: number, more: Partial<ContenderResult> = {}): ContenderResult {
  return {
    name,
    label: name,
    ours: name === 'ours',
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
  const ours = standing('ours', 6);
  const baselinePeer = standing(BASELINE_PEER, 8, { encodeSeconds: 0.5 });

  test('says commit, machine, date, model, settings and how busy others were', () => {
    const text = markdownReport([ours, baselinePeer], about);
    for (const what of ['abc1234', 'two cores', '2025-01-01', 'base', 'greedy', 'took 3 %']) {
      expect(text).toContain(what);
    }
  });

  test('gives speed as audio and as a multiple of faster-whisper', () => {
    const row = markdownReport([ours, baselinePeer], about)
      .split('\n')
      .find((line) => line.includes('**ours**'));
    expect(row?.split('|').map((cell) => cell.trim())).toEqual(
      expect.arrayContaining(['0.060', '0.75 / –', '0.40', '5.0', '300 / –', '9.0']),
    );
  });

  test('judges only the goals that can be judged with who took part', () => {
    const judged = (standings: ContenderResult[]) => goals(ours, standings).map(({ what }) => what);
    expect(judged([ours])).toEqual(['warm 4.9 s clip', 'cold, start to text', 'peak memory']);
    expect(judged([ours, baselinePeer])).toHaveLength(5);
    expect(judged([ours, baselinePeer, standing('whisper.cpp', 9)])).toHaveLength(6);
  });

  test('holds a token to the quickest of the whisper.cpp builds', () => {
    const builds = [
      standing('whisper.cpp', 9, { tokenMs: 4 }),
      standing('whisper.cpp-wheel', 9, { tokenMs: 3 }),
    ];
    const token = goals(ours, [ours, ...builds]).find(({ unit }) => unit === 'ms');
    expect(token).toMatchObject({ reached: 5, limit: 3 });
  });

  test('draws a picture of all who took part', () => {
    const svg = chart([ours, baselinePeer], about);
    expect(svg).toContain('>ours<');
    expect(svg).toContain('abc1234');
    expect(svg).not.toContain('NaN');
    expect(svg).not.toContain('6.8 minutes'); // nobody was measured there
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

  test('are as long as their values, and never vanish', () => {
    const [half, whole, tiny] = widths(draw([5, 10, 0.0001]));
    expect(half).toBe((whole ?? 0) / 2);
    expect(tiny).toBe(1);
  });

  test('leave a dash where there is no value', () => {
    expect(widths(draw([undefined, 1]))).toHaveLength(1);
    expect(draw([undefined, 1])).toContain('>–<');
  });

  test('escape what is written beside them', () => {
    expect(draw([1])).toContain('a &lt; b &amp; c');
  });
});

describe('who takes part', () => {
  const all = contenders([{ name: 'ours', label: 'Ours', folder: '/models/base' }]);

  test('a contender that lacks something says what to do', () => {
    const { missing } = choose(contenders([{ name: 'ours', label: 'Ours', folder: undefined }]), ['ours']);
    expect(missing[0]?.missing).toMatch(/SOTTO_BASE/);
  });

  test('an unknown name is refused with those there are', () => {
    expect(() => choose(all, ['nobody'])).toThrow(
      /nobody is called nobody; there are ours, faster-whisper-int8/,
    );
  });

  test('those named are taken in the usual order', () => {
    const { ready, missing } = choose(all, ['whisper.cpp', 'ours']);
    const names = [...ready, ...missing].map(({ name }) => name);
    expect(names.toSorted()).toEqual(['ours', 'whisper.cpp']);
    expect(ready[0]?.name).toBe('ours');
  });
});

describe('disturbance', () => {
  const stat = (busy: number, idle: number) =>
    parseSystemTicks(`cpu  ${busy} 0 0 ${idle} 0 0 0 0 0 0\ncpu0 1 1 1`);

  test('is what the system did beyond the one whose turn it was', () => {
    const disturbance = new Disturbance();
    disturbance.add(stat(100, 100), stat(200, 300), 80);
    expect(disturbance.share).toBeCloseTo(20 / 300);
  });

  test('is unknown where the system does not tell', () => {
    const disturbance = new Disturbance();
    disturbance.add(undefined, undefined, 5);
    expect(disturbance.share).toBeUndefined();
  });
});
