import { Action, ActionPanel, Form, Icon, useNavigation } from '@raycast/api';
import { useState } from 'react';
import { defined, fromOneLine, toOneLine } from 'sotto/protocol';
import { showFailure } from '../lib/show-failure';
import type { Entry } from './vocabulary-entries';

interface Props {
  readonly entry: Entry;
  /** `Add Word` */
  readonly title: string;
  /** @throws SottoError: the form stays open */
  readonly save: (entry: Entry) => Promise<void>;
}

/** A type, not an interface: Raycast requires an index signature. */
type Values = {
  readonly from: string;
  readonly to?: string;
};

export function VocabularyForm({ entry, title, save }: Props) {
  const { pop } = useNavigation();
  const [error, setError] = useState<string | undefined>(undefined);
  const [isBusy, setBusy] = useState(false);

  const submit = async ({ from: typed, to = '' }: Values): Promise<void> => {
    const from = typed.trim();
    if (from === '') {
      setError(entry.kind === 'word' ? 'Enter a word' : 'Enter the text to replace');
      return;
    }
    setBusy(true);
    try {
      await save(
        entry.kind === 'word'
          ? { kind: 'word', word: from }
          : { kind: 'replacement', from, to: fromOneLine(to) },
      );
      pop();
    } catch (thrown) {
      await showFailure(thrown);
      setBusy(false);
    }
  };

  const isWord = entry.kind === 'word';
  return (
    <Form
      isLoading={isBusy}
      navigationTitle={title}
      actions={
        <ActionPanel>
          <Action.SubmitForm title={title} icon={Icon.Check} onSubmit={submit} />
        </ActionPanel>
      }
    >
      <Form.TextField
        id="from"
        title={isWord ? 'Word' : 'Replace'}
        placeholder={isWord ? 'Nguyen' : 'sean'}
        info={
          isWord
            ? 'A name or term, spelled the way you want.'
            : 'One or more whole words. Case doesn’t matter, unless you enter all capitals (US).'
        }
        defaultValue={isWord ? entry.word : entry.from}
        {...defined({ error })}
        onChange={() => setError(undefined)}
      />
      {isWord ? null : (
        <Form.TextField
          id="to"
          title="With"
          placeholder="Shaun"
          info="Use \n for a line break. Leave empty to remove the text."
          defaultValue={toOneLine(entry.to)}
        />
      )}
    </Form>
  );
}
