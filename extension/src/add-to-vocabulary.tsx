import { Form, getSelectedText, PopToRootType, showHUD } from '@raycast/api';
import { useEffect, useState } from 'react';
import { AddWordForm } from './vocabulary/add-word-form';
import { readSettings } from './lib/preferences';
import { toWord } from './vocabulary/vocabulary-entries';

export default function AddToVocabulary() {
  const [settings] = useState(readSettings);
  const [selected, setSelected] = useState<string | undefined>(undefined);
  useEffect(() => {
    // Raycast throws if nothing is selected.
    getSelectedText().then(
      (text) => setSelected(toWord(text)),
      () => setSelected(''),
    );
  }, []);
  if (selected === undefined) return <Form isLoading navigationTitle="Add Word to Vocabulary" />;
  return (
    <AddWordForm
      settings={settings}
      suggestion={selected}
      onAdded={(word) =>
        showHUD(`Added “${word}”`, {
          clearRootSearch: true,
          popToRootType: PopToRootType.Immediate,
        })
      }
    />
  );
}
