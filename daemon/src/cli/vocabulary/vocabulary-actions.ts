/** The commands of `sotto vocabulary`. They edit the file; a running daemon notices changes. */
import type { Paths } from '../../paths.js';
import { codeOf, SottoError } from '../../protocol/errors.js';
import { fileError, TEXT_INPUT } from '../../protocol/file-errors.js';
import { type Vocabulary, type VocabularyChange, type VocabularyFormat } from '../../protocol/vocabulary.js';
import { readSmallBytes } from '../../read-small-file.js';
import {
  addEntries,
  countOf,
  removeEntries,
  replaceEntries,
} from '../../store/vocabulary/vocabulary-changes.js';
import { formatVocabulary, parseImport } from '../../store/vocabulary/vocabulary-format.js';
import { VocabularyFile } from '../../store/vocabulary/vocabulary-file.js';
import { createFile } from '../../writers/placement/place-text.js';
import { columnsOf, padEnd } from '../terminal/columns.js';
import { styleFor, wantsColor } from '../terminal/style.js';

/** Entries that an import prints. */
const MAX_LISTED = 20;

/** These functions return the exit code. @throws SottoError */
export function list({ vocabulary: path }: Paths, json: boolean): number {
  const { vocabulary } = new VocabularyFile(path).read();
  if (json) process.stdout.write(`${JSON.stringify(vocabulary)}\n`);
  else if (countOf(vocabulary) > 0) process.stdout.write(tableOf(vocabulary));
  else {
    process.stderr.write(
      'Your vocabulary is empty. Add a word with `sotto vocabulary add NAME`, or a replacement with ' +
        '`sotto vocabulary replace FROM TO`.\n',
    );
  }
  return 0;
}

export async function add({ vocabulary: path }: Paths, additions: Partial<Vocabulary>): Promise<number> {
  const { change } = await new VocabularyFile(path).change((now) => addEntries(now, additions));
  printChange(change);
  return 0;
}

export async function remove({ vocabulary: path }: Paths, words: readonly string[]): Promise<number> {
  const { change } = await new VocabularyFile(path).change((now) =>
    removeEntries(now, { words, replacements: words }),
  );
  if (change.removed === 0) {
    process.stderr.write('sotto: not in your vocabulary — `sotto vocabulary list` shows it\n');
    return 1;
  }
  printChange(change);
  return 0;
}

export async function importFrom(
  { vocabulary: path }: Paths,
  file: string,
  replace: boolean,
): Promise<number> {
  const found = parseImport(await read(file));
  if (countOf(found) === 0) {
    throw new SottoError('INVALID_ARGUMENT', `${file} contains no words`, {
      hint: 'use JSON, CSV, or text with one word per line',
    });
  }
  let before: Vocabulary | undefined;
  const { vocabulary, change } = await new VocabularyFile(path).change((now) => {
    before = now;
    return replace ? replaceEntries(now, found) : addEntries(now, found);
  });
  printChange(change);
  process.stdout.write(newEntries(before, vocabulary));
  return 0;
}

/** Prints new and changed entries, so that the user notices a wrong file. */
function newEntries(before: Vocabulary | undefined, now: Vocabulary): string {
  const known = new Set(before === undefined ? [] : entriesOf(before));
  const all = entriesOf(now).filter((entry) => !known.has(entry));
  const rest = all.length - MAX_LISTED;
  return [...all.slice(0, MAX_LISTED), ...(rest > 0 ? [`… and ${rest} more`] : [])]
    .map((entry) => `  ${entry}\n`)
    .join('');
}

function entriesOf({ words, replacements }: Vocabulary): string[] {
  return [...words, ...replacements.map(({ from, to }) => `${from} → ${writtenOf(to)}`)];
}

/** Makes line breaks and empty texts visible. */
function writtenOf(to: string): string {
  return to === '' ? '(removed)' : to.replaceAll('\n', '⏎');
}

export async function exportTo(
  { vocabulary: path }: Paths,
  file: string | undefined,
  requestedFormat: VocabularyFormat | undefined,
): Promise<number> {
  const { vocabulary } = new VocabularyFile(path).read();
  const format = requestedFormat ?? (file?.toLowerCase().endsWith('.csv') === true ? 'csv' : 'json');
  const text = formatVocabulary(vocabulary, format);
  if (file === undefined) {
    process.stdout.write(text);
    return 0;
  }
  await createFile(file, text);
  process.stderr.write(`${counted(vocabulary)} saved to ${file}\n`);
  return 0;
}

/** More than a vocabulary may contain. */
const MAX_IMPORT_BYTES = 16 * 2 ** 20;

async function read(file: string): Promise<string> {
  try {
    const bytes = file === '-' ? await readStdin() : readSmallBytes(file, MAX_IMPORT_BYTES, TEXT_INPUT);
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    if (codeOf(cause) === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
      throw new SottoError('INVALID_ARGUMENT', `${file} is not a UTF-8 text file`, {
        cause,
        hint: 'use JSON, CSV, or text with one word per line',
      });
    }
    throw fileError(file, cause, TEXT_INPUT);
  }
}

/** Stdin may be endless. */
async function readStdin(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_IMPORT_BYTES) {
      throw new SottoError('INVALID_ARGUMENT', `stdin has more than ${MAX_IMPORT_BYTES / 2 ** 20} MiB`, {
        hint: 'check the command before the pipe',
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function printChange({ added: additions, changed, removed: removedCount }: VocabularyChange): void {
  const parts = [
    ...(additions > 0 ? [`${additions} added`] : []),
    ...(changed > 0 ? [`${changed} changed`] : []),
    ...(removedCount > 0 ? [`${removedCount} removed`] : []),
  ];
  process.stdout.write(`${parts.length === 0 ? 'no changes' : parts.join(', ')}\n`);
}

function counted({ words, replacements }: Vocabulary): string {
  const many = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
  return `${many(words.length, 'word')} and ${many(replacements.length, 'replacement')}`;
}

function tableOf({ words, replacements }: Vocabulary): string {
  const style = styleFor(wantsColor(process.stdout));
  const widest = Math.max(0, ...replacements.map(({ from }) => columnsOf(from)));
  const lines = [
    ...(words.length > 0
      ? [style.bold('Words'), ...sorted(words, (word) => word).map((word) => `  ${word}`)]
      : []),
    ...(words.length > 0 && replacements.length > 0 ? [''] : []),
    ...(replacements.length > 0 ? [style.bold('Replacements')] : []),
    ...sorted(replacements, ({ from }) => from).map(({ from, to }) => {
      const written = to === '' ? style.dim(writtenOf(to)) : writtenOf(to);
      return `  ${padEnd(from, widest)}  ${style.dim('→')} ${written}`;
    }),
  ];
  return `${lines.join('\n')}\n`;
}

function sorted<T>(all: readonly T[], nameOf: (one: T) => string): T[] {
  return [...all].sort((a, b) => nameOf(a).localeCompare(nameOf(b), undefined, { sensitivity: 'base' }));
}
