/** A file of words and replacements, to be taken into the vocabulary. */
import { Action, ActionPanel, Form, Icon, useNavigation } from '@raycast/api';
import { useState } from 'react';
import { showFailure } from '../lib/show-failure';

interface Props {
  /** @throws SottoError then the form stays */
  readonly importFile: (path: string, replace: boolean) => Promise<void>;
}

/** Raycast wants a type here: an interface has no index. */
type Values = {
  readonly files: string[];
  readonly replace: boolean;
};

export function VocabularyImport({ importFile }: Props) {
  const { pop } = useNavigation();
  const [error, setError] = useState<string | undefined>(undefined);

  const submit = async ({ files: [path], replace }: Values): Promise<void> => {
    if (path === undefined) {
      setError('Which file?');
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
        info="JSON or CSV as Sotto exports it, a table of two columns, or a word on each line."
        {...(error !== undefined && { error })}
        onChange={() => setError(undefined)}
      />
      <Form.Checkbox id="replace" label="Let go of what is there now" />
    </Form>
  );
}
