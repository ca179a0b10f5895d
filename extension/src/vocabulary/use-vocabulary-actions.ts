import { Alert, confirmAlert, showInFinder, showToast } from '@raycast/api';
import { readFile } from 'node:fs/promises';
import { useState } from 'react';
import { SottoError } from 'sotto/client';
import type { VocabularyFormat } from 'sotto/protocol';
import { downloadsFolder, writeNewFile } from '../history/export-dictations';
import { withErrorToast } from '../lib/show-failure';
import { changeText, nameOf, replaceEntry, toVocabulary, type Entry } from './vocabulary-entries';
import type { VocabularyView } from './use-vocabulary';

export interface VocabularyActions {
  /** @throws SottoError */
  readonly add: (entry: Entry) => Promise<void>;
  /** @throws SottoError VOCABULARY_CHANGED if another client has changed it since */
  readonly edit: (before: Entry, now: Entry) => Promise<void>;
  readonly remove: (entry: Entry) => Promise<void>;
  /** Undefined if there is nothing to restore. */
  readonly undo: (() => Promise<void>) | undefined;
  /** @throws SottoError */
  readonly importFile: (path: string, replace: boolean) => Promise<void>;
  readonly exportAs: (format: VocabularyFormat) => Promise<void>;
  readonly refresh: () => Promise<void>;
}

export function useVocabularyActions({ latest, request, refresh }: VocabularyView): VocabularyActions {
  const [removed, setRemoved] = useState<Entry | undefined>(undefined);

  const add = async (entry: Entry): Promise<void> => {
    const { change } = await request((vocabulary) => vocabulary.add(toVocabulary(entry)));
    await showToast({ title: changeText(change), message: nameOf(entry) });
  };
  const restoreDictations = async (entry: Entry): Promise<void> => {
    await request((vocabulary) => vocabulary.add(toVocabulary(entry)));
    setRemoved(undefined);
    await showToast({ title: 'Restored', message: nameOf(entry) });
  };

  return {
    add,
    edit: async (before, now) => {
      const current = latest();
      if (current === undefined) return;
      try {
        await request((vocabulary) =>
          vocabulary.set(replaceEntry(current.vocabulary, before, now), current.revision),
        );
        await showToast({ title: 'Saved', message: nameOf(now) });
      } catch (thrown) {
        // The list below the form shows the current vocabulary.
        await refresh();
        throw thrown;
      }
    },
    remove: withErrorToast(async (entry) => {
      const isConfirmed = await confirmAlert({
        title: `Delete “${nameOf(entry)}”?`,
        message:
          entry.kind === 'word'
            ? 'Sotto will no longer listen for this word.'
            : 'Sotto will stop replacing this text.',
        primaryAction: { title: 'Delete', style: Alert.ActionStyle.Destructive },
        rememberUserChoice: true,
      });
      if (!isConfirmed) return;
      const which = entry.kind === 'word' ? { words: [entry.word] } : { replacements: [entry.from] };
      await request((vocabulary) => vocabulary.remove(which));
      setRemoved(entry);
      await showToast({
        title: 'Deleted',
        message: nameOf(entry),
        primaryAction: { title: 'Undo', onAction: () => void withErrorToast(restoreDictations)(entry) },
      });
    }),
    undo: removed === undefined ? undefined : () => withErrorToast(restoreDictations)(removed),
    importFile: async (path, replace) => {
      const text = await readText(path);
      const { change } = await request((vocabulary) => vocabulary.import(text, { replace }));
      await showToast({ title: changeText(change), message: path });
    },
    exportAs: withErrorToast(async (format) => {
      const { text = '' } = await request(async (vocabulary) => {
        const now = await vocabulary.get();
        return { ...now, text: await vocabulary.export(format) };
      });
      const path = writeNewFile(downloadsFolder(), 'Sotto Vocabulary', format, text);
      await showToast({
        title: 'Exported',
        message: path,
        primaryAction: { title: 'Show in Finder', onAction: () => void showInFinder(path) },
      });
    }),
    refresh,
  };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new SottoError('INVALID_ARGUMENT', 'can’t read the file', {
      cause,
      hint: 'check that it exists and that Raycast has access to it',
    });
  }
}
