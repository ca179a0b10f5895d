import {
  type ChannelStream,
  INTENSITY_BOOK,
  INTENSITY_BOOK2,
  NOISE_BOOK,
  SHORT_WINDOW_SAMPLES,
  ZERO_BOOK,
} from './channel-stream.js';

/** 1 for each band of a pair that is coded as mid and side, [group · maxBand + band]; empty for none. */
export type MidSideMask = Uint8Array;

type BandTool = (index: number, from: number, to: number) => void;

/** Calls `tool` for each band of each window with its index into books and factors and its range in the spectrum. */
function forEachBand({ info }: ChannelStream, tool: BandTool): void {
  let firstWindow = 0;
  for (const [group, windows] of info.groups.entries()) {
    for (let band = 0; band < info.maxBand; band++) {
      for (let window = firstWindow; window < firstWindow + windows; window++) {
        const base = window * SHORT_WINDOW_SAMPLES;
        tool(group * info.maxBand + band, base + (info.bands[band] ?? 0), base + (info.bands[band + 1] ?? 0));
      }
    }
    firstWindow += windows;
  }
}

/** Perceptual noise substitution (§4.6.13): fills bands whose energy alone is stored. */
export class NoiseSource {
  #state = 0x1f2e3d4c;

  /** @param correlated the other channel, which gets the same noise in bands with `mask` set */
  fill(stream: ChannelStream, correlated?: { stream: ChannelStream; mask: MidSideMask }): void {
    forEachBand(stream, (index, from, to) => {
      if (stream.books[index] !== NOISE_BOOK) return;
      this.#fillBand(stream, index, from, to);
      if (
        correlated === undefined ||
        correlated.stream.books[index] !== NOISE_BOOK ||
        correlated.mask[index] !== 1
      )
        return;
      const ratio = 2 ** (((correlated.stream.factors[index] ?? 0) - (stream.factors[index] ?? 0)) / 4);
      for (let i = from; i < to; i++) correlated.stream.spectrum[i] = (stream.spectrum[i] as number) * ratio;
    });
  }

  /** Fills the other channel's noise bands that `fill` left out. */
  fillRemaining(stream: ChannelStream, first: ChannelStream, mask: MidSideMask): void {
    forEachBand(stream, (index, from, to) => {
      if (stream.books[index] !== NOISE_BOOK) return;
      if (mask[index] === 1 && first.books[index] === NOISE_BOOK) return;
      this.#fillBand(stream, index, from, to);
    });
  }

  #fillBand({ spectrum, factors }: ChannelStream, index: number, from: number, to: number): void {
    let energy = 0;
    for (let i = from; i < to; i++) {
      this.#state = (Math.imul(this.#state, 1664525) + 1013904223) | 0;
      spectrum[i] = this.#state;
      energy += (spectrum[i] as number) ** 2;
    }
    const gain = energy === 0 ? 0 : 2 ** ((factors[index] ?? 0) / 4) / Math.sqrt(energy);
    for (let i = from; i < to; i++) spectrum[i] = (spectrum[i] as number) * gain;
  }
}

/** Converts mid and side to left and right, in place (§4.6.8.1). */
export function applyMidSide(left: ChannelStream, right: ChannelStream, mask: MidSideMask): void {
  forEachBand(left, (index, from, to) => {
    if (
      mask[index] !== 1 ||
      (left.books[index] ?? 0) >= NOISE_BOOK ||
      (right.books[index] ?? 0) >= NOISE_BOOK
    )
      return;
    for (let i = from; i < to; i++) {
      const mid = left.spectrum[i] as number;
      const side = right.spectrum[i] as number;
      left.spectrum[i] = mid + side;
      right.spectrum[i] = mid - side;
    }
  });
}

/** Intensity stereo (§4.6.8.2): derives the right channel from the left one at another level, in place. */
export function applyIntensity(left: ChannelStream, right: ChannelStream, mask: MidSideMask): void {
  forEachBand(right, (index, from, to) => {
    const book = right.books[index] ?? ZERO_BOOK;
    if (book !== INTENSITY_BOOK && book !== INTENSITY_BOOK2) return;
    const inPhase = (book === INTENSITY_BOOK) !== (mask[index] === 1);
    const gain = (inPhase ? 1 : -1) * 0.5 ** ((right.factors[index] ?? 0) / 4);
    for (let i = from; i < to; i++) right.spectrum[i] = (left.spectrum[i] as number) * gain;
  });
}
