import { expect, test } from '@jest/globals';
import { describeModule } from './describe-module.js';

interface Format {
  readonly formatClock: (seconds: number) => string;
  readonly languageName: (code: string | undefined) => string;
}

await describeModule<Format>('lib/format', ({ formatClock, languageName }) => {
  test('formats times', () => {
    expect([0, 5.9, 65, 3_605].map(formatClock)).toEqual(['0:00', '0:05', '1:05', '60:05']);
  });

  test('names languages', () => {
    expect(['de', 'auto', undefined].map(languageName)).toEqual(['German', 'Detecting…', 'Detecting…']);
    expect(languageName('not a code')).toBe('not a code');
  });
});
