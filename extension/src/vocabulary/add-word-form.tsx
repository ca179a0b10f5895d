/** A word for the vocabulary, and what Sotto wrote in its place, if it did. */
import { Action, ActionPanel, Form, Icon, showToast, useNavigation } from '@raycast/api';
import { useState } from 'react';
import { withDaemon, type DaemonSettings } from '../lib/daemon';
import { showFailure } from '../lib/show-failure';
import { changeText } from './vocabulary-text';

interface Props {
  readonly settings: DaemonSettings;
  /** What it may be. */
  readonly suggestion?: string;
  /** Told when it is there; a toast, and back to where one came from, when left out. */
  readonly onAdded?: (word: string) => Promise<void>;
}

/** Raycast wants a type here: an interface has no index. */
type Values = {
  readonly word: string;
  readonly recognized: string;
};

export function AddWordForm({ settings, suggestion = '', onAdded }: Props) {
  const { pop } = useNavigation();
  const [error, setError] = useState<string | undefined>(undefined);
  const [isBusy, setBusy] = useState(false);

  const submit = async ({ word: typed, recognized: rawRecognized }: Values): Promise<void> => {
    const [word, recognized] = [typed.trim(), rawRecognized.trim()];
    if (word === '') {
      setError('Which word?');
      return;
    }
    setBusy(true);
    try {
      const { change } = await withDaemon(settings, ({ vocabulary }) =>
        vocabulary.add({
          words: [word],
          ...(recognized !== '' && { replacements: [{ from: recognized, to: word }] }),
        }),
      );
      if (onAdded !== undefined) await onAdded(word);
      else {
        pop();
        await showToast({ title: changeText(change), message: word });
      }
    } catch (thrown) {
      await showFailure(thrown);
    } finally {
      setBusy(false);
    }
  };

  return (
    <Form
      isLoading={isBusy}
      navigationTitle="Add Word to Vocabulary"
      actions={
        <ActionPanel>
          <Action.SubmitForm title="Add Word" icon={Icon.Plus} onSubmit={submit} />
        </ActionPanel>
      }
    >
      <Form.TextField
        id="word"
        title="Word"
        placeholder="Nguyen"
        info="A name or a term, as it is to be written. Sotto listens for it from the next dictation on."
        defaultValue={suggestion}
        {...(error !== undefined && { error })}
        onChange={() => setError(undefined)}
      />
      <Form.TextField
        id="recognized"
        title="Instead Of"
        placeholder="win"
        info="What Sotto wrote in its place, if it did. Wherever it hears that, it writes your word. Whole words only."
      />
    </Form>
  );
}
