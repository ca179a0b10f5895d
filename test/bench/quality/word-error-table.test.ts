import { describe, expect, test } from '@jest/globals';
import { DEFAULT, SOTTO_COLUMNS, PEERS } from './peer-transcripts.js';
import {
  columnsOf,
  kindRows,
  kindsTable,
  notesOn,
  qualityChart,
  bootstrap,
  silenceTable,
  wordsPrinted,
} from './word-error-table.js';

const [first, second] = [PEERS[0]!.name, PEERS[1]!.name];
const clips = [
  { id: 'a', kind: 'read English' },
  { id: 'b', kind: 'read English' },
  { id: 'c', kind: 'verse' },
  { id: 'd', kind: 'unknown kind' },
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

  test('sums the clips by kind, in table order, with a total at the end', () => {
    expect(rows.map(({ kind }) => kind)).toEqual(['read English', 'verse', 'unknown kind', 'all']);
    expect(row('read English').errors[DEFAULT]).toEqual({ errors: 3, words: 20 });
    expect(row('all').errors[second]).toEqual({ errors: 8, words: 40 });
  });

  test('compares the default with the best peer of the kind', () => {
    expect(row('read English').bestPeer).toBe(first);
    expect(row('read English').over?.points).toBeCloseTo(5);
    expect(row('verse').over?.points).toBe(0);
  });

  test('excludes a clip that a column lacks', () => {
    const some = new Map(scores).set(second, scored({ a: 2, c: 4 }));
    const [read] = kindRows(clips, some);
    expect(read?.clips).toBe(1);
    expect(read?.errors[DEFAULT]).toEqual({ errors: 1, words: 10 });
  });

  test('shows no difference without a peer', () => {
    const alone = kindRows(clips, new Map([[DEFAULT, scores.get(DEFAULT)!]]));
    expect(alone.every(({ over, bestPeer }) => over === undefined && bestPeer === undefined)).toBe(true);
    expect(kindsTable(alone, [DEFAULT])).toContain('| –');
  });

  test('marks the best value of a row', () => {
    const [, , line] = kindsTable([row('read English')], [DEFAULT, first]).split('\n');
    expect(line).toContain('15.0 (3)');
    expect(line).toContain('**10.0 (2)**');
    expect(line).toMatch(/\+5\.0 \(±0\.0…\+10\.0\)/);
  });

  test('adds a note only for kinds where the default is worse', () => {
    expect(notesOn(rows, {})).toEqual([
      `- **read English**: 1 more wrong than ${first}. The reason is unknown.`,
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

describe('the confidence interval of a difference', () => {
  const pair = (sotto: number, peer: number) =>
    [
      { errors: sotto, words: 10 },
      { errors: peer, words: 10 },
    ] as const;

  test('is reproducible and contains the difference', () => {
    const pairs = [pair(1, 0), pair(0, 1), pair(2, 0), pair(3, 3), pair(1, 2)];
    const once = bootstrap(pairs, 'kind');
    expect(bootstrap(pairs, 'kind')).toEqual(once);
    expect(once.from).toBeLessThan(2);
    expect(once.to).toBeGreaterThan(2);
  });

  test('is empty if all clips agree', () => {
    expect(bootstrap([pair(2, 1), pair(2, 1)], 'kind')).toEqual({ from: 10, to: 10 });
  });
});

test('counts printed words', () => {
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

test('every column has a unique name', () => {
  const names = [...SOTTO_COLUMNS, ...PEERS].map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});
