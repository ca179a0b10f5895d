import { expect, test } from '@jest/globals';
import { describeModule } from './describe-module.js';

interface HistoryDays {
  readonly groupByDay: (
    dictations: readonly object[],
    nowMs: number,
  ) => { title: string; dictations: object[] }[];
  readonly dayTitle: (ms: number, nowMs: number) => string;
}

await describeModule<HistoryDays>('history/group-by-day', ({ groupByDay, dayTitle }) => {
  const at = (...date: [number, number, number, number?, number?]): number => new Date(...date).getTime();
  const now = at(2026, 10, 22, 0, 30);

  test('names days', () => {
    expect(dayTitle(at(2026, 10, 22, 0, 0), now)).toBe('Today');
    expect(dayTitle(at(2026, 10, 21, 23, 59), now)).toBe('Yesterday');
    expect(dayTitle(at(2026, 10, 16), now)).toBe('Monday, November 16');
    expect(dayTitle(at(2025, 10, 22), now)).toBe('Saturday, November 22, 2025');
    // The clock has been set back since.
    expect(dayTitle(at(2026, 10, 23), now)).toBe('Monday, November 23');
  });

  test('handles days on which the clocks change', () => {
    for (let day = 1; day < 365; day++) {
      const noon = at(2026, 0, day, 12);
      expect(dayTitle(at(2026, 0, day - 1, 23, 59), noon)).toBe('Yesterday');
    }
  });

  test('groups by day and keeps the order', () => {
    const some = [now, now - 1, at(2026, 10, 21, 9), at(2026, 10, 20)].map((startedMs) => ({ startedMs }));
    expect(groupByDay(some, now)).toEqual([
      { title: 'Today', dictations: some.slice(0, 2) },
      { title: 'Yesterday', dictations: [some[2]] },
      { title: 'Friday, November 20', dictations: [some[3]] },
    ]);
    expect(groupByDay([], now)).toEqual([]);
  });
});
