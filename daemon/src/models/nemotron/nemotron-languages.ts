import type { NemotronConfig } from './nemotron-config.js';

/** Slots of version 3.5's prompt (`prompt_dictionary` of the checkpoint); the library has the same. */
const SLOTS: Readonly<Record<string, number>> = {
  en: 0, es: 3, zh: 4, hi: 6, ar: 7, fr: 8, de: 9, ja: 10, ru: 11, pt: 13, ko: 14, it: 15, nl: 16, pl: 17, tr: 18, uk: 19,
  ro: 20, el: 21, cs: 22, hu: 23, sv: 24, da: 25, fi: 26, no: 27, sk: 28, hr: 29, bg: 30, lt: 31, th: 32, vi: 33, et: 60,
  lv: 61, sl: 62, he: 64, mt: 102, nb: 103, nn: 104,
}; // prettier-ignore

/** Codes of the languages of a model; one without a prompt knows English. */
export function languagesOf({ prompt }: NemotronConfig): string[] {
  if (prompt === undefined) return ['en'];
  return Object.keys(SLOTS).filter((code) => (SLOTS[code] ?? 0) < prompt.slots);
}

/** The number that the network knows a language by. @param language undefined if it is to be detected */
export function slotOf({ prompt }: NemotronConfig, language: string | undefined): number {
  return (language === undefined ? undefined : SLOTS[language]) ?? prompt?.autoSlot ?? 0;
}

/** The language of a piece such as `<en-US>`, which version 3.5 writes where it detects a language. */
export function languageOfTag(piece: string | undefined): string | undefined {
  return /^<([a-z]{2})-[A-Z]{2}>$/.exec(piece ?? '')?.[1];
}
