/** How a text begins: a dictation is a sentence, what stands around it may be one already. */

export type Capitalization = 'written' | 'small';

/** As it is written, or with a small letter at its start: names that are told by more capitals, and “I”, keep theirs. */
export function applyCapitalization(text: string, capitals: Capitalization): string {
  if (capitals === 'written') return text;
  const [word = ''] = /^[\p{L}\p{M}\p{N}’'-]+/u.exec(text) ?? [];
  const isNamed = /^I(?![\p{L}\p{M}\p{N}-])/u.test(word) || /^.+\p{Lu}/u.test(word);
  return isNamed ? text : text.charAt(0).toLowerCase() + text.slice(1);
}
