import { describe, expect, test } from '@jest/globals';
import { DEFAULT, SOTTO_COLUMNS, PEERS } from './quality-contenders.js';
import {
  columnsOf,
  kindRows,
  kindsTable,
  notesOn,
  qualityChart,
  bootstrap,
  silenceTable,
  wordsPrinted,
} from './quality-table.js';

const [first, second] = [PEERS[0]!.name, PEERS[1]!.name];
const clips = [
  { id: 'a', kind: 'read English' },
  { id: 'b', kind: 'read English' },
  { id: 'c', kind: 'verse' },
  { id: 'd', kind: 'never heard of' },
];

function scored(errors: Record<string, number>) {
  return new Map(Object.entries(errors).map(([id, of]) => [id, { errors: of, words: 10 }]));
}

const scores = new Map([
  [DEFAULT, scored({ a: 1, b: 2, c: 3, d: 0 })],
  [first, scored({ a: 1, b: 1, c: 3, d: 0 })],
  [second, scored({ a: 2, b: 2, c: 4, d: 0 })],
]);

describe('the table by kind', () => {
  const rows = kindRows(clips, scores);
  const row = (kind: string) => rows.find((one) => one.kind === kind)!;

  test('sums the clips of a kind, in the order of the table, and all of them at the end', () => {
    expect(rows.map(({ kind }) => kind)).toEqual(['read English', 'verse', 'never heard of', 'all']);
    expect(row('read English').errors[DEFAULT]).toEqual({ errors: 3, words: 20 });
    expect(row('all').errors[second]).toEqual({ errors: 8, words: 40 });
  });

  test('holds the default against the best peer of the kind', () => {
    expect(row('read English').bestPeer).toBe(first);
    expect(row('read English').over?.points).toBeCloseTo(5);
    expect(row('verse').over?.points).toBe(0);
  });

  test('leaves out a clip that one of the columns lacks', () => {
    const some = new Map(scores).set(second, scored({ a: 2, c: 4 }));
    const [read] = kindRows(clips, some);
    expect(read?.clips).toBe(1);
    expect(read?.errors[DEFAULT]).toEqual({ errors: 1, words: 10 });
  });

  test('has no difference to show where no peer is there', () => {
    const alone = kindRows(clips, new Map([[DEFAULT, scores.get(DEFAULT)!]]));
    expect(alone.every(({ over, bestPeer }) => over === undefined && bestPeer === undefined)).toBe(true);
    expect(kindsTable(alone, [DEFAULT])).toContain('| –');
  });

  test('marks the least of a row', () => {
    const [, , line] = kindsTable([row('read English')], [DEFAULT, first]).split('\n');
    expect(line).toContain('15.0 (3)');
    expect(line).toContain('**10.0 (2)**');
    expect(line).toMatch(/\+5\.0 \(±0\.0…\+10\.0\)/);
  });

  test('asks for a reason wherever the default is behind, and only there', () => {
    expect(notesOn(rows, {})).toEqual([
      `- **read English**: 1 more wrong than ${first}. Why has not been looked into.`,
    ]);
    expect(notesOn(rows, { 'read English': 'One name.' })[0]).toContain('One name.');
  });

  test('draws a bar for every column', () => {
    const columns = columnsOf(scores);
    expect(columns).toEqual([DEFAULT, first, second]);
    const picture = qualityChart(rows, columns, new Map([[DEFAULT, 0]]), ['small print']);
    for (const column of columns) expect(picture).toContain(column);
    expect(picture).toContain('small print');
  });
});

describe('how sure a difference is', () => {
  const pair = (ours: number, theirs: number) =>
    [
      { errors: ours, words: 10 },
      { errors: theirs, words: 10 },
    ] as const;

  test('is the same every time, and holds the difference itself', () => {
    const pairs = [pair(1, 0), pair(0, 1), pair(2, 0), pair(3, 3), pair(1, 2)];
    const once = bootstrap(pairs, 'kind');
    expect(bootstrap(pairs, 'kind')).toEqual(once);
    expect(once.from).toBeLessThan(2);
    expect(once.to).toBeGreaterThan(2);
  });

  test('is quite sure where all clips say the same', () => {
    expect(bootstrap([pair(2, 1), pair(2, 1)], 'kind')).toEqual({ from: 10, to: 10 });
  });
});

test('words that are printed are counted as they stand', () => {
  expect(wordsPrinted('')).toBe(0);
  expect(wordsPrinted(' [Music] … — you, 2 of us.')).toBe(5);
  const texts = new Map([
    [DEFAULT, new Map([['s', '']])],
    [first, new Map([['s', 'You']])],
  ]);
  expect(silenceTable([{ id: 's', kind: 'not speech' }], texts, [DEFAULT, first])).toMatch(
    /\| s +\| 0 +\| 1 +\|/,
  );
});

test('every column has a name of its own', () => {
  const names = [...SOTTO_COLUMNS, ...PEERS].map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});
