import { expect, test } from '@jest/globals';
import type { ModelStatus } from '#daemon/protocol/index.js';
import { describeModule } from './describe-module.js';

interface ModelText {
  readonly bytesText: (bytes: number) => string;
  readonly memoryText: (bytes: number) => string;
  readonly stateText: (status: ModelStatus) => string | undefined;
  readonly speedText: (progress: object) => string;
  readonly suitText: (row: object) => string | undefined;
}

await describeModule<ModelText>(
  'models/model-text',
  ({ bytesText, memoryText, stateText, speedText, suitText }) => {
    test('formats memory in powers of two', () => {
      expect([8, 24, 25.6].map((size) => memoryText(size * 2 ** 30))).toEqual(['8 GB', '24 GB', '26 GB']);
    });

    test('formats sizes as Finder does', () => {
      expect([62_000, 144e6, 864e6, 1.62e9, 15.5e9].map(bytesText)).toEqual([
        '62 KB',
        '144 MB',
        '864 MB',
        '1.62 GB',
        '15.5 GB',
      ]);
    });

    test('shows the progress of a state if known', () => {
      expect(stateText({ state: 'downloading', fraction: 0.429 })).toBe('Downloading 42%');
      expect(stateText({ state: 'downloading' })).toBe('Downloading…');
      expect(stateText({ state: 'loading', fraction: 0 })).toBe('Loading…');
      expect(stateText({ state: 'ready', fraction: 1 })).toBe('In Memory');
      expect(stateText({ state: 'installed' })).toBeUndefined();
    });

    test('says what a model suits, and whose figure this rests on', () => {
      const published = { wordErrors: { percent: 6.05, publishedBy: 'Leaderboard' } };
      const english = { isRecommended: false, recommendedFor: ['en'], catalogue: published };
      expect(suitText(english)).toBe(
        'Recommended for English on this Mac: 6.05% of words wrong (Leaderboard; not measured here)',
      );
      const measured = {
        isRecommended: true,
        recommendedFor: [],
        catalogue: { wordErrors: { percent: 13.5 } },
      };
      expect(suitText(measured)).toBe('Recommended on this Mac: 13.5% of words wrong');
      expect(suitText({ ...english, recommendedFor: [], catalogue: {} })).toBeUndefined();
    });

    test('shows the speed of a download and the time left', () => {
      expect(speedText({ bytesPerSecond: 12e6, secondsLeft: 80 })).toBe('12 MB/s · 1:20 left');
      expect(speedText({ secondsLeft: 3.2 })).toBe('0:04 left');
      expect(speedText({})).toBe('');
    });
  },
);
