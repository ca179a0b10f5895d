/** A dictation starts with a capital, but the user may be in the middle of a sentence. */
export type Capitalization = 'transcribed' | 'lowercase';

/** With `lowercase`, “I” and words with another capital, such as “NASA”, keep their first letter. */
export function applyCapitalization(text: string, capitalization: Capitalization): string {
  if (capitalization === 'transcribed') return text;
  const [word = ''] = /^[\p{L}\p{M}\p{N}’'-]+/u.exec(text) ?? [];
  const isNamed = /^I(?![\p{L}\p{M}\p{N}-])/u.test(word) || /^.+\p{Lu}/u.test(word);
  return isNamed ? text : text.charAt(0).toLowerCase() + text.slice(1);
}
