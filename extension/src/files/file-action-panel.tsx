import { Action, ActionPanel, Icon, Keyboard, openExtensionPreferences } from '@raycast/api';
import type { ReactNode } from 'react';
import { isFileOver, type FileJob, type TextFormat } from 'sotto/client';
import { createFileActions, type FileActions } from './file-actions';
import type { FileJobs } from './file-jobs';
import { nameOf } from './file-labels';
import type { ExtensionSettings } from '../lib/preferences';
import { DeliveryActions } from '../components/delivery-actions';
import { RetranscribeActions } from './retranscribe-actions';
import { REMOVE, REMOVE_ALL } from '../components/common-actions';

const FORMATS: readonly { readonly format: TextFormat; readonly one: string; readonly all: string }[] = [
  { format: 'txt', one: 'Save as Text', all: 'Save All as Text' },
  { format: 'srt', one: 'Save as SRT Subtitles', all: 'Save All as SRT Subtitles' },
  { format: 'vtt', one: 'Save as WebVTT Subtitles', all: 'Save All as WebVTT Subtitles' },
  { format: 'json', one: 'Save as JSON', all: 'Save All as JSON' },
];

interface Props {
  readonly file: FileJob;
  /** The whole list. */
  readonly files: readonly FileJob[];
  readonly text: string | undefined;
  readonly saved: string | undefined;
  readonly onSaved: (id: string, path: string) => void;
  readonly jobs: FileJobs;
  readonly settings: ExtensionSettings;
  /** The action that adds more files. */
  readonly choose: ReactNode;
}

export function FileActionPanel({ file, files, text, saved, onSaved, jobs, settings, choose }: Props) {
  const actions = createFileActions(jobs, settings, onSaved);
  const isOver = isFileOver(file);
  const retranscribeActions = <RetranscribeActions file={file} actions={actions} settings={settings} />;
  return (
    <ActionPanel title={nameOf(file)}>
      <ActionPanel.Section>
        {text === undefined || text === '' ? null : (
          <DeliveryActions
            first={settings.delivery}
            onDeliver={(delivery) => actions.deliver(text, delivery)}
          />
        )}
        {file.state === 'final' ? (
          <SaveActions files={[file]} title="Save Next to File" actions={actions} />
        ) : null}
        {saved === undefined ? null : (
          <Action.Open title="Open Saved File" target={saved} shortcut={Keyboard.Shortcut.Common.Open} />
        )}
        {isOver && file.state !== 'final' ? retranscribeActions : null}
        <Action.ToggleQuickLook shortcut={Keyboard.Shortcut.Common.ToggleQuickLook} />
        <Action.ShowInFinder path={saved ?? file.path} shortcut={{ modifiers: ['cmd', 'shift'], key: 'f' }} />
      </ActionPanel.Section>
      <ActionPanel.Section>
        {isOver ? null : (
          <Action
            title="Cancel"
            icon={Icon.XMarkCircle}
            style={Action.Style.Destructive}
            shortcut={{ modifiers: ['cmd'], key: 'backspace' }}
            onAction={() => actions.cancel(file)}
          />
        )}
        {file.state === 'final' ? retranscribeActions : null}
        {isOver ? (
          <Action title="Remove from List" {...REMOVE} onAction={() => actions.remove([file])} />
        ) : null}
      </ActionPanel.Section>
      <ActionPanel.Section title="All Files">
        {choose}
        <AllFiles files={files} actions={actions} />
        <Action title="Open Preferences" icon={Icon.Gear} onAction={openExtensionPreferences} />
      </ActionPanel.Section>
    </ActionPanel>
  );
}

function AllFiles({ files, actions }: { readonly files: readonly FileJob[]; readonly actions: FileActions }) {
  const open = files.filter((each) => !isFileOver(each));
  const over = files.filter(isFileOver);
  const done = files.filter(({ state }) => state === 'final');
  return (
    <>
      {done.length > 1 ? (
        <SaveActions files={done} title="Save All Next to Their Files" actions={actions} />
      ) : null}
      {open.length > 1 ? (
        <Action
          title="Cancel All"
          icon={Icon.XMarkCircle}
          style={Action.Style.Destructive}
          shortcut={{ modifiers: ['cmd', 'shift'], key: 'backspace' }}
          onAction={() => actions.cancelAll(open)}
        />
      ) : null}
      {over.length > 1 ? (
        <Action title="Remove All Finished" {...REMOVE_ALL} onAction={() => actions.remove(over)} />
      ) : null}
    </>
  );
}

interface SaveProps {
  readonly files: readonly FileJob[];
  readonly title: string;
  readonly actions: FileActions;
}

function SaveActions({ files, title, actions }: SaveProps) {
  const isOne = files.length === 1;
  return (
    <ActionPanel.Submenu
      title={title}
      icon={Icon.SaveDocument}
      {...(isOne && { shortcut: Keyboard.Shortcut.Common.Save })}
    >
      {FORMATS.map(({ format, one, all }) => (
        <Action
          key={format}
          title={isOne ? one : all}
          icon={Icon.Document}
          onAction={() => actions.save(files, format)}
        />
      ))}
    </ActionPanel.Submenu>
  );
}
