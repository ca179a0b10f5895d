import { Action, ActionPanel, Form, Icon, useNavigation } from '@raycast/api';
import { useState } from 'react';
import { defined } from 'sotto/protocol';
import { showFailure } from '../lib/show-failure';

interface Props {
  /** @throws SottoError: the form stays open */
  readonly importFile: (path: string, replace: boolean) => Promise<void>;
}

/** A type, not an interface: Raycast requires an index signature. */
type Values = {
  readonly files: string[];
  readonly replace: boolean;
};

export function VocabularyImport({ importFile }: Props) {
  const { pop } = useNavigation();
  const [error, setError] = useState<string | undefined>(undefined);

  const submit = async ({ files: [path], replace }: Values): Promise<void> => {
    if (path === undefined) {
      setError('Choose a file');
      return;
    }
    try {
      await importFile(path, replace);
      pop();
    } catch (thrown) {
      await showFailure(thrown);
    }
  };

  return (
    <Form
      navigationTitle="Import Vocabulary"
      actions={
        <ActionPanel>
          <Action.SubmitForm title="Import" icon={Icon.Download} onSubmit={submit} />
        </ActionPanel>
      }
    >
      <Form.FilePicker
        id="files"
        title="File"
        allowMultipleSelection={false}
        info="A JSON or CSV export from Sotto, a two-column CSV, or one word per line."
        {...defined({ error })}
        onChange={() => setError(undefined)}
      />
      <Form.Checkbox id="replace" label="Replace current vocabulary" />
    </Form>
  );
}
