/** A word or a replacement of the vocabulary, new or to be changed. */
import { Action, ActionPanel, Form, Icon, useNavigation } from '@raycast/api';
import { useState } from 'react';
import { fromOneLine, toOneLine } from 'sotto/protocol';
import { showFailure } from '../lib/show-failure';
import type { Entry } from './vocabulary-entries';

interface Props {
  readonly entry: Entry;
  /** `Add Word` */
  readonly title: string;
  /** @throws SottoError then the form stays */
  readonly save: (entry: Entry) => Promise<void>;
}

/** Raycast wants a type here: an interface has no index. */
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
      setError(entry.kind === 'word' ? 'Which word?' : 'In place of what?');
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
        title={isWord ? 'Word' : 'Instead Of'}
        placeholder={isWord ? 'Nguyen' : 'sean'}
        info={
          isWord
            ? 'A name or a term, as it is to be written.'
            : 'What is heard: a word or several, whole words only, however they are written. In capitals alone (US) only where it is in capitals.'
        }
        defaultValue={isWord ? entry.word : entry.from}
        {...(error !== undefined && { error })}
        onChange={() => setError(undefined)}
      />
      {isWord ? null : (
        <Form.TextField
          id="to"
          title="Write"
          placeholder="Shaun"
          info="\n is a line break. Left empty, what is heard is left out."
          defaultValue={toOneLine(entry.to)}
        />
      )}
    </Form>
  );
}
