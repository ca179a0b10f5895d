/**
 * The decoder heads whose cross-attention follows the speech in time, found by measurement for each model. The lists are
 * those of openai-whisper 20250625 (`_ALIGNMENT_HEADS`); checkpoints may omit them.
 */
import type { WhisperConfig } from '../whisper-config.js';

/** Zero-based. */
export type AlignmentHead = readonly [layer: number, head: number];

type Shape = Pick<WhisperConfig, 'nAudioLayer' | 'nTextLayer' | 'nTextHead' | 'nMels' | 'isMultilingual'>;

/** layer.head of the released models, by `keyOf`. */
const RELEASED = new Map([
  ['4 4 6 en', '1.0 2.0 2.5 3.0 3.1 3.2 3.3 3.4'], // tiny.en
  ['4 4 6 80', '2.2 3.0 3.2 3.3 3.4 3.5'], // tiny
  ['6 6 8 en', '3.3 4.7 5.1 5.5 5.7'], // base.en
  ['6 6 8 80', '3.1 4.2 4.3 4.7 5.1 5.2 5.4 5.6'], // base
  // small.en
  ['12 12 12 en', '6.6 7.0 7.3 7.8 8.2 8.5 8.7 9.0 9.4 9.8 9.10 10.0 10.1 10.2 10.3 10.6 10.11 11.2 11.4'],
  ['12 12 12 80', '5.3 5.9 8.0 8.4 8.7 8.8 9.0 9.7 9.9 10.5'], // small
  // medium.en
  [
    '24 24 16 en',
    '11.4 14.1 14.12 14.14 15.4 16.0 16.4 16.9 17.12 17.14 18.7 18.10 18.15 20.0 20.3 20.9 20.14 21.12',
  ],
  ['24 24 16 80', '13.15 15.4 15.15 16.1 20.0 23.4'], // medium
  // large-v2. large-v1 has the same shape, but other heads: 9.19 11.2 11.4 11.17 22.7 22.11 22.17 23.2 23.15
  [
    '32 32 20 80',
    '10.12 13.17 16.11 16.12 16.13 17.15 17.16 18.4 18.11 18.19 19.11 21.2 21.3 22.3 22.9 22.12 23.5 23.7 23.13 25.5 26.1 26.12 27.15',
  ],
  ['32 32 20 128', '7.0 10.17 12.18 13.12 16.1 17.14 19.11 21.4 24.1 25.6'], // large-v3
  ['32 4 20 128', '2.4 2.11 3.3 3.6 3.11 3.14'], // large-v3-turbo
]);

/**
 * The alignment heads of a model: those of its checkpoint, else those of the released model of its shape, else all heads of
 * the last half of the layers.
 *
 * @param stored rows of the checkpoint's `alignment_heads` [n, 2]; ignored if one is out of range
 */
export function alignmentHeads(
  shape: Shape,
  stored: readonly (readonly number[])[] = [],
): readonly AlignmentHead[] {
  const { nTextLayer, nTextHead } = shape;
  const inside = (index: number | undefined, count: number): index is number =>
    Number.isInteger(index) && index !== undefined && index >= 0 && index < count;
  const named = stored.flatMap(([layer, head, more]): AlignmentHead[] =>
    inside(layer, nTextLayer) && inside(head, nTextHead) && more === undefined ? [[layer, head]] : [],
  );
  if (named.length > 0 && named.length === stored.length) return named;

  const released = RELEASED.get(keyOf(shape));
  if (released !== undefined) {
    return released.split(' ').map((pair): AlignmentHead => {
      const [layer, head] = pair.split('.').map(Number);
      return [layer ?? 0, head ?? 0];
    });
  }
  const late = Array.from({ length: nTextLayer }, (_, layer) => layer).slice(Math.floor(nTextLayer / 2));
  return late.flatMap((layer) =>
    Array.from({ length: nTextHead }, (_, head): AlignmentHead => [layer, head]),
  );
}

function keyOf({ nAudioLayer, nTextLayer, nTextHead, nMels, isMultilingual }: Shape): string {
  return `${nAudioLayer} ${nTextLayer} ${nTextHead} ${isMultilingual ? nMels : 'en'}`;
}
