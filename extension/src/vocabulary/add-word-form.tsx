import { Action, ActionPanel, Form, Icon, showToast, useNavigation } from '@raycast/api';
import { useState } from 'react';
import { defined } from 'sotto/protocol';
import { withDaemon, type DaemonSettings } from '../lib/connect-daemon';
import { showFailure } from '../lib/show-failure';
import { changeText } from './vocabulary-entries';

interface Props {
  readonly settings: DaemonSettings;
  readonly suggestion?: string;
  /** Called with the added word. Without it, the form shows a toast and closes. */
  readonly onAdded?: (word: string) => Promise<void>;
}

/** A type, not an interface: Raycast requires an index signature. */
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
      setError('Enter a word');
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
        info="A name or term, spelled the way you want. Sotto listens for it from your next dictation on."
        defaultValue={suggestion}
        {...defined({ error })}
        onChange={() => setError(undefined)}
      />
      <Form.TextField
        id="recognized"
        title="Sotto Heard (optional)"
        placeholder="win"
        info="If Sotto gets it wrong, enter what it wrote. It will be replaced with your word. Whole words only."
      />
    </Form>
  );
}
