/** Languages as OpenAI's answers name them: in English, small letters. */

/** Where Whisper's names are not those of Unicode's tables. */
const WHISPER_NAMES: Readonly<Record<string, string>> = {
  bn: 'bengali',
  mi: 'maori',
  my: 'myanmar',
  nn: 'nynorsk',
  tl: 'tagalog',
};

/** @param code such as `de`; what is no code comes back as it is */
export function languageName(code: string): string {
  const own = WHISPER_NAMES[code];
  if (own !== undefined) return own;
  if (!/^[a-z]{2,3}$/.test(code)) return code;
  return (new Intl.DisplayNames(['en'], { type: 'language' }).of(code) ?? code).toLowerCase();
}
