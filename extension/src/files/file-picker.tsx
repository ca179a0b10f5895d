import { Action, ActionPanel, Form, Icon, useNavigation } from '@raycast/api';
import { useState } from 'react';
import { defined } from 'sotto/protocol';
import { expandFolders } from './selected-files';
import { showFailure } from '../lib/show-failure';

interface Props {
  readonly remark: string | undefined;
  readonly onFiles: (paths: readonly string[]) => Promise<void>;
  /** Whether it was pushed on top of another screen. */
  readonly popsOnSubmit?: boolean;
}

export function FilePicker({ remark, onFiles, popsOnSubmit = false }: Props) {
  const { pop } = useNavigation();
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const send = async ({ files }: { files: string[] }): Promise<void> => {
    const found = expandFolders(files);
    if (found.files.length === 0) {
      setProblem(found.remark ?? 'Choose a file');
      return;
    }
    try {
      await onFiles(found.files);
      if (popsOnSubmit) pop();
    } catch (thrown) {
      await showFailure(thrown);
    }
  };
  return (
    <Form
      navigationTitle="Transcribe Files"
      actions={
        <ActionPanel>
          <Action.SubmitForm title="Transcribe" icon={Icon.Waveform} onSubmit={send} />
        </ActionPanel>
      }
    >
      <Form.FilePicker
        id="files"
        title="Audio or Video"
        allowMultipleSelection
        canChooseDirectories
        onChange={() => setProblem(undefined)}
        {...defined({ error: problem })}
      />
      <Form.Description
        text={`${remark === undefined ? '' : `${remark}. `}Tip: select or copy files in Finder before you run this command.`}
      />
    </Form>
  );
}
