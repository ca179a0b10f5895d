/** How wide text is where characters stand in columns: a Chinese one takes two, a combining accent none. */
import stringWidth from 'string-width';

export function columnsOf(text: string): number {
  return stringWidth(text);
}
