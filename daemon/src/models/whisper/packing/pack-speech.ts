/**
 * Stretches of speech, packed into windows for the encoder: as few as can be, cut only where somebody pauses. The
 * silence between stretches is left out, so that a window holds more speech, and times in it are mapped back to the
 * file. All positions are mel frames of 10 ms.
 */

/** From frame `start` to before frame `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A window put together of pieces of the audio, in order. */
export interface PackedSpeech {
  readonly pieces: readonly Span[];
  /** All pieces together. */
  readonly frames: number;
}

export interface AvailableSpeech {
  /** Where somebody speaks, a little air around it: in order, apart. */
  readonly stretches: readonly Span[];
  /** The same without the air and without short pauses: what lies between two of these is where speech may be cut. */
  readonly tight: readonly Span[];
  /** Whether that is all; otherwise the last stretch may go on, and others follow. */
  readonly ended: boolean;
}

export interface Packing {
  readonly window: PackedSpeech;
  /** What is behind it: the next window begins here or later. */
  readonly end: number;
}

/** Of a pause, more does not make a better cut. */
const MAX_PAUSE_FRAMES = 100;
/** A stretch has so much air that is silence too. */
const PADDING_FRAMES = 50;
/** A frame more of pause is worth so many frames that a window is less full. */
const PAUSE_WEIGHT = 8;
/** A window is not left emptier than this for a better pause. */
const MIN_FILL_RATIO = 0.5;
/** So much is heard beyond a window before it is cut: where speech begins and ends is certain a little later. */
const LOOKAHEAD_FRAMES = 300;

/**
 * The next window, or undefined while more has to be heard to say where it ends.
 *
 * @param capacity frames that a window holds
 * @param quietest the quietest place between two frames, asked where nobody pauses for the length of a window
 */
export function packNext(
  { stretches, tight, ended }: AvailableSpeech,
  capacity: number,
  quietest: (from: number, to: number) => number,
): Packing | undefined {
  const last = stretches.at(-1);
  if (last === undefined) return undefined;
  const length = lengthOf(stretches);
  if (!ended && length <= capacity + LOOKAHEAD_FRAMES) return undefined;
  if (length <= capacity) return { window: windowOf(stretches), end: last.end };
  const places = cutPlaces(stretches, tight).filter(({ filled }) => filled <= capacity);
  let best = bestOf(
    places.filter(({ filled }) => filled >= MIN_FILL_RATIO * capacity),
    capacity,
  );
  best ??= quietestCut(stretches, capacity, quietest);
  return { window: windowOf(spansBefore(stretches, best.at)), end: best.at };
}

/** Somewhere to end a window. */
interface CutPoint {
  readonly at: number;
  /** Frames of speech up to there. */
  readonly filled: number;
  readonly pause: number;
}

/** Between stretches, and in the middle of the pauses within them. */
function cutPlaces(stretches: readonly Span[], tight: readonly Span[]): CutPoint[] {
  const places: CutPoint[] = [];
  let filled = 0;
  for (const [i, { start, end }] of stretches.entries()) {
    for (const [j, spoken] of tight.entries()) {
      const next = tight[j + 1];
      if (next === undefined || spoken.end <= start || next.start >= end) continue;
      const at = (spoken.end + next.start) >> 1;
      if (at > start && at < end)
        places.push({ at, filled: filled + at - start, pause: next.start - spoken.end });
    }
    filled += end - start;
    const next = stretches[i + 1];
    if (next !== undefined) places.push({ at: end, filled, pause: next.start - end + PADDING_FRAMES });
  }
  return places;
}

function bestOf(places: readonly CutPoint[], capacity: number): CutPoint | undefined {
  let best: CutPoint | undefined;
  let least = Infinity;
  for (const place of places) {
    const cost = capacity - place.filled - PAUSE_WEIGHT * Math.min(MAX_PAUSE_FRAMES, place.pause);
    if (cost <= least) [best, least] = [place, cost];
  }
  return best;
}

/** Nobody pauses in the later half of a window: it ends where it is quietest there. */
function quietestCut(
  stretches: readonly Span[],
  capacity: number,
  quietest: (from: number, to: number) => number,
): CutPoint {
  let filled = 0;
  for (const { start, end } of stretches) {
    const from = start + Math.max(1, Math.ceil(MIN_FILL_RATIO * capacity) - filled);
    const to = Math.min(end - 1, start + capacity - filled);
    if (from <= to) {
      const at = Math.min(to, Math.max(from, quietest(from, to)));
      return { at, filled: filled + at - start, pause: 0 };
    }
    filled += end - start;
  }
  throw new RangeError('what fits in a window need not be cut');
}

/** What of the stretches is before a frame. */
function spansBefore(stretches: readonly Span[], at: number): Span[] {
  return stretches.flatMap(({ start, end }) => (start < at ? [{ start, end: Math.min(end, at) }] : []));
}

/** Neighbours without anything between them become one piece. */
function windowOf(stretches: readonly Span[]): PackedSpeech {
  const pieces: Span[] = [];
  for (const { start, end } of stretches) {
    const former = pieces.at(-1);
    if (former !== undefined && former.end >= start) pieces[pieces.length - 1] = { start: former.start, end };
    else pieces.push({ start, end });
  }
  return { pieces, frames: lengthOf(pieces) };
}

function lengthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { start, end }) => sum + end - start, 0);
}

/**
 * A place in a window, in frames of it, as one in the file. On the seam of two pieces `begins` says which is meant: what
 * begins there is in the later one, what ends there in the former. Places outside are those of its ends.
 */
export function placeInFile({ pieces }: PackedSpeech, frame: number, begins: boolean): number {
  let left = Math.max(0, frame);
  for (const { start, end } of pieces) {
    const length = end - start;
    if (left < length || (left === length && !begins)) return start + left;
    left -= length;
  }
  return pieces.at(-1)?.end ?? 0;
}

/** Spans of the file as they lie in a window, in frames of it; what is in none of its pieces is left out. */
export function spansInWindow({ pieces }: PackedSpeech, spans: readonly Span[]): Span[] {
  let offset = 0;
  return pieces.flatMap((piece) => {
    const shift = offset - piece.start;
    offset += piece.end - piece.start;
    return spans.flatMap(({ start, end }) => {
      const [from, to] = [Math.max(start, piece.start), Math.min(end, piece.end)];
      return to > from ? [{ start: from + shift, end: to + shift }] : [];
    });
  });
}
