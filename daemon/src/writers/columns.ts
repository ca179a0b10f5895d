/** Width of text in columns: a Chinese character takes two, a combining accent none. */
import stringWidth from 'string-width';

export function columnsOf(text: string): number {
  return stringWidth(text);
}
