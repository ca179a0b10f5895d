/** Language names as in OpenAI's responses: in English, lowercase. */

/** Whisper's names that differ from those of Unicode. */
const WHISPER_NAMES: Readonly<Record<string, string>> = {
  bn: 'bengali',
  mi: 'maori',
  my: 'myanmar',
  nn: 'nynorsk',
  tl: 'tagalog',
};

/** @param code such as `de`; anything else is returned unchanged */
export function languageName(code: string): string {
  const own = WHISPER_NAMES[code];
  if (own !== undefined) return own;
  if (!/^[a-z]{2,3}$/.test(code)) return code;
  return (new Intl.DisplayNames(['en'], { type: 'language' }).of(code) ?? code).toLowerCase();
}
