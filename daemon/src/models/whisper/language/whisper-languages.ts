/** Whisper's languages: code → English name, in the order of their token ids. */
export const LANGUAGES = {
  en: 'english',
  zh: 'chinese',
  de: 'german',
  es: 'spanish',
  ru: 'russian',
  ko: 'korean',
  fr: 'french',
  ja: 'japanese',
  pt: 'portuguese',
  tr: 'turkish',
  pl: 'polish',
  ca: 'catalan',
  nl: 'dutch',
  ar: 'arabic',
  sv: 'swedish',
  it: 'italian',
  id: 'indonesian',
  hi: 'hindi',
  fi: 'finnish',
  vi: 'vietnamese',
  he: 'hebrew',
  uk: 'ukrainian',
  el: 'greek',
  ms: 'malay',
  cs: 'czech',
  ro: 'romanian',
  da: 'danish',
  hu: 'hungarian',
  ta: 'tamil',
  no: 'norwegian',
  th: 'thai',
  ur: 'urdu',
  hr: 'croatian',
  bg: 'bulgarian',
  lt: 'lithuanian',
  la: 'latin',
  mi: 'maori',
  ml: 'malayalam',
  cy: 'welsh',
  sk: 'slovak',
  te: 'telugu',
  fa: 'persian',
  lv: 'latvian',
  bn: 'bengali',
  sr: 'serbian',
  az: 'azerbaijani',
  sl: 'slovenian',
  kn: 'kannada',
  et: 'estonian',
  mk: 'macedonian',
  br: 'breton',
  eu: 'basque',
  is: 'icelandic',
  hy: 'armenian',
  ne: 'nepali',
  mn: 'mongolian',
  bs: 'bosnian',
  kk: 'kazakh',
  sq: 'albanian',
  sw: 'swahili',
  gl: 'galician',
  mr: 'marathi',
  pa: 'punjabi',
  si: 'sinhala',
  km: 'khmer',
  sn: 'shona',
  yo: 'yoruba',
  so: 'somali',
  af: 'afrikaans',
  oc: 'occitan',
  ka: 'georgian',
  be: 'belarusian',
  tg: 'tajik',
  sd: 'sindhi',
  gu: 'gujarati',
  am: 'amharic',
  yi: 'yiddish',
  lo: 'lao',
  uz: 'uzbek',
  fo: 'faroese',
  ht: 'haitian creole',
  ps: 'pashto',
  tk: 'turkmen',
  nn: 'nynorsk',
  mt: 'maltese',
  sa: 'sanskrit',
  lb: 'luxembourgish',
  my: 'myanmar',
  bo: 'tibetan',
  tl: 'tagalog',
  mg: 'malagasy',
  as: 'assamese',
  tt: 'tatar',
  haw: 'hawaiian',
  ln: 'lingala',
  ha: 'hausa',
  ba: 'bashkir',
  jw: 'javanese',
  su: 'sundanese',
  yue: 'cantonese', // the hundredth, new with large-v3
} as const satisfies Record<string, string>;

/** Alternative names. */
const ALIASES = new Map(
  Object.entries({
    burmese: 'my',
    castilian: 'es',
    flemish: 'nl',
    haitian: 'ht',
    jv: 'jw', // ISO 639's code for Javanese
    letzeburgesch: 'lb',
    mandarin: 'zh',
    moldavian: 'ro',
    moldovan: 'ro',
    nb: 'no', // Bokmål
    panjabi: 'pa',
    pushto: 'ps',
    sinhalese: 'si',
    valencian: 'ca',
  }),
);

/** Language codes in the order of their token ids. */
export const LANGUAGE_CODES: readonly string[] = Object.keys(LANGUAGES);

const CODE_BY_NAME = new Map(Object.entries(LANGUAGES).map(([code, name]): [string, string] => [name, code]));

/**
 * The code of a language by code, English name, alias or locale; undefined if Whisper does not support it.
 *
 * @example
 * languageCode('German'); // 'de'
 * languageCode('pt-BR'); // 'pt'
 */
export function languageCode(name: string): string | undefined {
  const key = name.trim().toLowerCase();
  const known = Object.hasOwn(LANGUAGES, key) ? key : (CODE_BY_NAME.get(key) ?? ALIASES.get(key));
  if (known !== undefined) return known;
  const primary = key.split(/[-_]/, 1)[0] ?? key;
  return primary === key || primary.length > 3 ? undefined : languageCode(primary);
}
