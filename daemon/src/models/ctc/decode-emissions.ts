import type { Hotwords } from '../hotwords/hotword-trie.js';
import { alignTokens } from './align.js';
import { collapse } from './collapse.js';
import type { CtcToken, Emissions } from './emissions.js';
import { prefixBeam } from './prefix-beam.js';

/** Texts of the beam that hotwords need. */
const HOTWORD_BEAM_SIZE = 16;

export interface CtcDecodeOptions {
  readonly blank: number;
  /** Texts that are kept after each frame; default 1, which follows the best token of each frame. */
  readonly beamSize?: number | undefined;
  readonly hotwords?: Hotwords | undefined;
  readonly signal: AbortSignal;
}

/** The text of an utterance; that of a beam has the frames of its best alignment. @throws SottoError CANCELLED */
export async function decodeEmissions(
  emissions: Emissions,
  { blank, beamSize = 1, hotwords, signal }: CtcDecodeOptions,
): Promise<CtcToken[]> {
  const listens = hotwords !== undefined && !hotwords.isEmpty;
  if (beamSize === 1 && !listens) return collapse(emissions, blank);
  const width = Math.max(beamSize, listens ? HOTWORD_BEAM_SIZE : 1);
  const [best] = await prefixBeam(emissions, { blank, beamSize: width, hotwords, signal });
  return alignTokens(emissions, best?.tokens ?? [], { blank, signal });
}
