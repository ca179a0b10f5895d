/** Punctuation that attaches to the next word, and to the previous one. */
export const OPENING = '"\'“¿([{-';
export const CLOSING = '"\'.。,，!！?？:：”)]}、';

export function isPunctuation(text: string): boolean {
  return (OPENING + CLOSING).includes(text);
}

export function endsSentence(text: string): boolean {
  return '.。!！?？'.includes(text);
}
