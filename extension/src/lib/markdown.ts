import type { WireError } from 'sotto/protocol';

/** In place of hints that are written for a terminal. */
const HINTS: Partial<Record<WireError['code'], string>> = {
  MIC_DENIED:
    'allow Raycast to use the microphone in System Settings › Privacy & Security › Microphone, and check that it isn’t muted',
  MIC_UNAVAILABLE: 'check that a microphone is connected and not in use',
};

/** What failed and what to do about it, as two sentences of Markdown. */
export function errorText({ code, message, hint }: Pick<WireError, 'code' | 'message' | 'hint'>): string {
  return `${sentence(message)} ${sentence(HINTS[code] ?? hint)}`;
}

/** Markdown that renders as exactly this text. */
export function escapeMarkdown(text: string): string {
  return text
    .replace(/[\\`*_{}[\]<~$]|&(?=#?\w+;)/g, '\\$&')
    .replace(/^(\s*)([#>+-])/gm, '$1\\$2')
    .replace(/^(\s*\d+)([.)])/gm, '$1\\$2')
    .replace(/\n/g, '  \n');
}

/** Escaped, capitalized and with a full stop; keeps commands in backticks, which only Sotto's own messages have. */
export function sentence(text: string): string {
  const capitalized = text.charAt(0).toUpperCase() + text.slice(1);
  const whole = /[.!?]$/.test(capitalized) ? capitalized : `${capitalized}.`;
  const parts = whole.split('`');
  return parts.map((part, at) => (at % 2 === 0 ? escapeMarkdown(part) : `\`${part}\``)).join('');
}
