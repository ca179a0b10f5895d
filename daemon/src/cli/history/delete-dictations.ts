/** `sotto history delete` and `undo`. */
import { createInterface } from 'node:readline/promises';
import type { Paths } from '../../paths.js';
import { SottoError } from '../../protocol/errors.js';
import type { StoredDictation, History } from '../../store/history/index.js';
import { removeRecording } from '../../store/recordings.js';
import { tableOf } from './list-history.js';
import { findByIdPrefix, withHistory } from './open-history.js';
import { INTERRUPTED } from '../interrupt.js';

interface DeleteOptions {
  /** Ids or prefixes; all dictations if absent. */
  readonly ids?: readonly string[];
  readonly yes: boolean;
  /** Delete permanently, without the trash. */
  readonly forever: boolean;
}

/** Resolves to undefined after Ctrl-C. */
export type DeletionPrompt = (question: string) => Promise<boolean | undefined>;

/** Dictations listed in the confirmation. */
const MAX_LISTED = 5;

export function deleteDictations(
  paths: Paths,
  run: DeleteOptions,
  prompt = deletionPrompt(),
): Promise<number> {
  return withHistory(paths, async (history) => {
    const selection = select(history, run.ids);
    if (selection === undefined) return 1;
    // An empty history may still have a trash to empty.
    if (selection.count === 0 && !(run.forever && run.ids === undefined)) {
      printLine('nothing to delete');
      return 0;
    }
    if (!run.yes) {
      const answer = await confirm(history, selection, run, prompt);
      if (answer === undefined) return INTERRUPTED;
      if (!answer) {
        printLine('nothing was deleted');
        return 0;
      }
    }
    const ids = run.ids === undefined ? undefined : selection.entries.map(({ id }) => id);
    if (!run.forever) {
      const deleted = history.deleteAll(ids);
      printLine(`deleted ${dictations(deleted.length)}; undo within a day: \`sotto history undo\``);
      return 0;
    }
    const deleted = history.destroy(ids);
    const audioInUse = history.audioNames();
    for (const { audio } of deleted)
      if (audio !== undefined && !audioInUse.has(audio)) await removeRecording(paths.recordings, audio);
    printLine(`deleted ${dictations(deleted.length)} permanently`);
    return 0;
  });
}

export function undo(paths: Paths): Promise<number> {
  return withHistory(paths, (history) => {
    const restored = history.undo();
    if (restored.length === 0) {
      printLine('nothing was deleted in the last day');
      return 1;
    }
    printLine(`restored ${dictations(restored.length)}`);
    return 0;
  });
}

interface Selection {
  readonly count: number;
  /** The selected dictations, or the newest of all. */
  readonly entries: readonly StoredDictation[];
}

function select(history: History, ids: readonly string[] | undefined): Selection | undefined {
  if (ids === undefined) return { count: history.count(), entries: history.list({ limit: MAX_LISTED }) };
  const found = new Map<string, StoredDictation>();
  for (const id of ids) {
    const dictation = findByIdPrefix(history, id);
    // A mistyped id cancels the whole deletion.
    if (dictation === undefined) return undefined;
    found.set(dictation.id, dictation);
  }
  return { count: found.size, entries: [...found.values()] };
}

async function confirm(
  history: History,
  { count, entries }: Selection,
  { ids, forever }: DeleteOptions,
  prompt: DeletionPrompt | undefined,
): Promise<boolean | undefined> {
  if (prompt === undefined) {
    // A script may delete given ids; `--all` and `--forever` need `--yes`.
    if (ids !== undefined && !forever) return true;
    throw new SottoError('INVALID_ARGUMENT', 'not a terminal, so the deletion can’t be confirmed', {
      hint: 'use --yes to confirm',
    });
  }
  process.stdout.write(tableOf(history, entries.slice(0, MAX_LISTED)));
  if (count > MAX_LISTED) printLine(`… and ${count - MAX_LISTED} more`);
  const what = count === 0 ? 'the trash' : count === 1 ? 'this dictation' : `these ${count} dictations`;
  return prompt(`Delete ${what}${forever ? ' permanently' : ''}? [y/N] `);
}

/** Undefined without a terminal. */
function deletionPrompt(): DeletionPrompt | undefined {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  return async (question) => {
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    const stopped = new AbortController();
    let interrupted = false;
    lines.on('SIGINT', () => {
      interrupted = true;
      stopped.abort();
    });
    // End of input cancels.
    lines.on('close', () => stopped.abort());
    try {
      return /^\s*y(es)?\s*$/i.test(await lines.question(question, { signal: stopped.signal }));
    } catch {
      process.stderr.write('\n');
      return interrupted ? undefined : false;
    } finally {
      lines.close();
    }
  };
}

function dictations(count: number): string {
  return count === 1 ? '1 dictation' : `${count} dictations`;
}

function printLine(text: string): void {
  process.stderr.write(`${text}\n`);
}
