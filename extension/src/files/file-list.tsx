import { Action, ActionPanel, Icon, List } from '@raycast/api';
import { useState } from 'react';
import { useFileJobs } from './use-file-jobs';
import { capitalized } from '../lib/deliver';
import { readSettings } from '../lib/preferences';
import { FileActionPanel } from './file-action-panel';
import { FileItem } from './file-item';
import { FilePicker } from './file-picker';

interface Props {
  /** Returns the paths of the files to add. */
  readonly find: () => Promise<string[]>;
  /** Open the file picker at once if there are no files. */
  readonly opensPicker: boolean;
  readonly emptyTitle: string;
}

export function FileList({ find, opensPicker, emptyTitle }: Props) {
  const [settings] = useState(readSettings);
  const view = useFileJobs(settings, find);
  const { files, texts, jobs, isLoading, remark, error } = view;
  const [saved, setSaved] = useState<ReadonlyMap<string, string>>(new Map());

  if (opensPicker && files.length === 0 && !isLoading && error === undefined && jobs !== undefined) {
    return <FilePicker remark={remark} onFiles={(paths) => jobs.add(paths, settings)} />;
  }
  const choose =
    jobs === undefined ? null : (
      <Action.Push
        title="Choose Files…"
        icon={Icon.Plus}
        target={<FilePicker remark={undefined} onFiles={(paths) => jobs.add(paths, settings)} popsOnSubmit />}
      />
    );
  return (
    <List
      isLoading={isLoading}
      isShowingDetail={files.length > 0}
      searchBarPlaceholder="Search files"
      navigationTitle={titleOf(files)}
    >
      {error !== undefined ? (
        <List.EmptyView
          icon={Icon.Warning}
          title={capitalized(error.message)}
          description={error.hint}
          actions={
            <ActionPanel>
              <Action title="Try Again" icon={Icon.ArrowClockwise} onAction={view.retry} />
            </ActionPanel>
          }
        />
      ) : (
        <List.EmptyView
          icon={Icon.Waveform}
          title={isLoading ? 'Loading…' : (remark ?? emptyTitle)}
          description="Transcription continues in the background. Come back any time."
          actions={<ActionPanel>{choose}</ActionPanel>}
        />
      )}
      {files.map((file) => (
        <FileItem
          key={file.id}
          file={file}
          text={texts.get(file.id)}
          saved={saved.get(file.id)}
          actions={
            jobs === undefined ? null : (
              <FileActionPanel
                file={file}
                files={files}
                text={texts.get(file.id)}
                saved={saved.get(file.id)}
                onSaved={(id, path) => setSaved((before) => new Map(before).set(id, path))}
                jobs={jobs}
                settings={settings}
                choose={choose}
              />
            )
          }
        />
      ))}
    </List>
  );
}

function titleOf(files: readonly { readonly state: string }[]): string {
  const open = files.filter(({ state }) => state === 'queued' || state === 'running').length;
  return open === 0 ? 'Transcribe Files' : `Transcribe Files · ${open} Remaining`;
}
