/** Words of any script, as far as they can be separated without a dictionary. */
import { UNSPACED_SCRIPTS } from '../../protocol/unspaced-scripts.js';

const UNIT = new RegExp(`[${UNSPACED_SCRIPTS}]|[^\\s${UNSPACED_SCRIPTS}]+`, 'gu');

interface TextUnit {
  readonly start: number;
  readonly end: number;
}

/** Splits at white space, and after each character of a script without spaces. Offsets in UTF-16 units. */
export function unitsOf(text: string): TextUnit[] {
  return Array.from(text.matchAll(UNIT), ({ 0: unit, index }) => ({
    start: index,
    end: index + unit.length,
  }));
}
