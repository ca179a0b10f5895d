/** Which pieces of a vocabulary can be written in a language: those without letters of another script. */

/** Scripts of ISO 15924 that stand for several. */
const SCRIPT_PARTS: Readonly<Record<string, readonly string[]>> = {
  Jpan: ['Hani', 'Hira', 'Kana'],
  Kore: ['Hang', 'Hani'],
  Hans: ['Hani'],
  Hant: ['Hani'],
};

/** Of characters that several scripts have. */
const ANY_SCRIPT = ['Zyyy', 'Zinh'];

const BYTE = /^<0x([0-9A-F]{2})>$/;
const NAMED = /^<.*>$/;

/** Whether each piece can be written in a language, by its script. Named pieces such as `<unk>` can. @param pieces by id */
export function writablePieces(pieces: readonly string[], language: string): boolean[] {
  const { script = 'Latn' } = new Intl.Locale(language).maximize();
  const names = [...(SCRIPT_PARTS[script] ?? [script]), ...ANY_SCRIPT];
  const letters = new RegExp(`^[${names.map((name) => `\\p{Script_Extensions=${name}}`).join('')}]$`, 'u');
  const isWritable = (character: string): boolean => !/\p{L}/u.test(character) || letters.test(character);
  return pieces.map((piece) => {
    const [, hex] = BYTE.exec(piece) ?? [];
    if (hex !== undefined) return charactersAfter(Number.parseInt(hex, 16)).some(isWritable);
    return NAMED.test(piece) || Array.from(piece).every(isWritable);
  });
}

/** The characters whose UTF-8 begins with a byte; a space for one that does not decide the script. */
function charactersAfter(byte: number): string[] {
  const isFirstOfTwo = byte >= 0xc2 && byte <= 0xdf;
  if (!isFirstOfTwo) return [byte < 0x80 ? String.fromCodePoint(byte) : ' '];
  return Array.from({ length: 64 }, (_, i) => String.fromCodePoint(((byte & 0x1f) << 6) + i));
}
