/**
 * CSV tables of other programs (RFC 4180), with commas, semicolons or tabs and optional quotes. A line with one
 * field is a word, one with two a replacement; with three, the first field is the type.
 */
import { fromOneLine, toOneLine, type Vocabulary } from '../../protocol/vocabulary.js';

const HEAD = ['type', 'from', 'to'];
/** Column names of other programs. */
const HEAD_WORDS = new Set([
  ...['type', 'kind', 'from', 'to', 'word', 'words', 'term', 'original', 'replacement', 'replace', 'with'],
  ...['find', 'spoken', 'written', 'phrase', 'text', 'input', 'output'],
]);

export function toCsv({ words, replacements }: Vocabulary): string {
  const rows = [
    HEAD,
    ...words.map((word) => ['word', word, '']),
    ...replacements.map(({ from, to }) => ['replacement', from, toOneLine(to)]),
  ];
  return rows.map((row) => `${row.map(quoted).join(',')}\r\n`).join('');
}

export function fromCsv(text: string): Vocabulary {
  const rows = rowsOf(text).filter((row) => row.some((field) => field.trim() !== ''));
  const [first = []] = rows;
  const isHead = first.every((field) => HEAD_WORDS.has(field.trim().toLowerCase())) && isHeadOf(first);
  const vocabulary: Vocabulary = { words: [], replacements: [] };
  for (const row of isHead ? rows.slice(1) : rows) {
    const [a = '', b = '', c = ''] = row;
    const kind = row.length > 2 ? /^\s*(word|replacement)\s*$/i.exec(a)?.[1]?.toLowerCase() : undefined;
    const [from, to] = kind === undefined ? [a, b] : [b, c];
    const isWord = kind === undefined ? row.length < 2 || to.trim() === '' : kind === 'word';
    if (isWord) vocabulary.words.push(from);
    else vocabulary.replacements.push({ from, to: fromOneLine(to) });
  }
  return vocabulary;
}

/** In a list of words, the first line may be a word. */
function isHeadOf(row: readonly string[]): boolean {
  return row.length > 1 || /^\s*words?\s*$/i.test(row[0] ?? '');
}

function quoted(field: string): string {
  return /[",;\t\r\n]|^\s|\s$/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

function rowsOf(text: string): string[][] {
  const all = text.replace(/^\uFEFF/, '');
  const between = separatorOf(all);
  const rows: string[][] = [];
  let row: string[] = [];
  let field = '';
  let isQuoted = false;
  for (let at = 0; at < all.length; at++) {
    const letter = all[at] ?? '';
    if (isQuoted) {
      if (letter !== '"') field += letter;
      else if (all[at + 1] === '"') field += all[++at];
      else isQuoted = false;
    } else if (letter === '"' && field.trim() === '') {
      isQuoted = true;
      field = '';
    } else if (letter === between) {
      row.push(field);
      field = '';
    } else if (letter === '\n' || letter === '\r') {
      rows.push([...row, field]);
      row = [];
      field = '';
    } else field += letter;
  }
  return [...rows, [...row, field]];
}

/** The separator of the first line that has one: German Macs export semicolons. */
function separatorOf(text: string): string {
  return /[,;\t]/.exec(text.replace(/"(?:[^"]|"")*"/g, ''))?.[0] ?? ',';
}
