import { Action, ActionPanel, Icon, Keyboard } from '@raycast/api';
import type { PastDictation } from 'sotto/protocol';
import type { Delivery } from '../lib/deliver';
import type { ExportFormat } from './export-dictations';
import { isUnread } from './history-text';
import type { ExtensionSettings } from '../lib/preferences';
import { DeliveryActions } from '../components/delivery-actions';
import { TranscribeModelPicker } from '../components/transcribe-model-picker';
import { REFRESH, REMOVE, REMOVE_ALL, UndoDelete } from '../components/common-actions';

export interface HistoryActions {
  readonly deliver: (dictation: PastDictation, delivery: Delivery) => Promise<void>;
  readonly play: (dictation: PastDictation) => void;
  readonly stop: () => void;
  readonly transcribe: (dictation: PastDictation, model?: string) => Promise<void>;
  readonly markRead: (dictation: PastDictation) => Promise<void>;
  readonly exportOne: (dictation: PastDictation, format: ExportFormat) => Promise<void>;
  readonly exportAll: (format: ExportFormat) => Promise<void>;
  readonly remove: (dictation: PastDictation) => Promise<void>;
  readonly removeAll: () => Promise<void>;
  /** Undefined if there is nothing to restore. */
  readonly undo: (() => Promise<void>) | undefined;
  readonly refresh: () => void;
}

interface Props {
  readonly dictation: PastDictation;
  readonly isPlaying: boolean;
  readonly settings: ExtensionSettings;
  readonly act: HistoryActions;
}

export function HistoryActionPanel({ dictation, isPlaying, settings, act }: Props) {
  const hasText = dictation.text.trim() !== '';
  return (
    <ActionPanel>
      <ActionPanel.Section>
        {hasText ? (
          <DeliveryActions
            first={settings.delivery}
            onDeliver={(delivery) => act.deliver(dictation, delivery)}
          />
        ) : null}
        {dictation.state === 'failed' && dictation.audio !== undefined ? (
          <Action title="Transcribe Again" icon={Icon.Repeat} onAction={() => act.transcribe(dictation)} />
        ) : null}
        {isUnread(dictation) ? (
          <Action title="Mark as Read" icon={Icon.CheckCircle} onAction={() => act.markRead(dictation)} />
        ) : null}
      </ActionPanel.Section>
      <AudioActions dictation={dictation} isPlaying={isPlaying} settings={settings} act={act} />
      <ActionPanel.Section>
        <ActionPanel.Submenu title="Export…" icon={Icon.Download} shortcut={Keyboard.Shortcut.Common.Save}>
          <Action title="Export as Text" icon={Icon.Text} onAction={() => act.exportOne(dictation, 'txt')} />
          <Action title="Export as JSON" icon={Icon.Code} onAction={() => act.exportOne(dictation, 'json')} />
          <Action title="Export All as Markdown" icon={Icon.Document} onAction={() => act.exportAll('md')} />
          <Action title="Export All as CSV" icon={Icon.List} onAction={() => act.exportAll('csv')} />
          <Action title="Export All as JSON" icon={Icon.Code} onAction={() => act.exportAll('json')} />
        </ActionPanel.Submenu>
      </ActionPanel.Section>
      <ActionPanel.Section>
        <Action title="Delete" {...REMOVE} onAction={() => act.remove(dictation)} />
        <Action title="Delete All Shown" {...REMOVE_ALL} onAction={act.removeAll} />
      </ActionPanel.Section>
      <ListActions act={act} />
    </ActionPanel>
  );
}

/** Actions that need no dictation. */
export function ListActions({ act }: { readonly act: Pick<HistoryActions, 'undo' | 'refresh'> }) {
  return (
    <ActionPanel.Section>
      <UndoDelete undo={act.undo} />
      <Action title="Refresh" {...REFRESH} onAction={act.refresh} />
    </ActionPanel.Section>
  );
}

function AudioActions({ dictation, isPlaying, settings, act }: Props) {
  if (dictation.audio === undefined) return null;
  return (
    <ActionPanel.Section>
      {isPlaying ? (
        <Action
          title="Stop Playing"
          icon={Icon.Stop}
          shortcut={{ modifiers: ['cmd', 'shift'], key: 'p' }}
          onAction={act.stop}
        />
      ) : (
        <Action
          title="Play"
          icon={Icon.Play}
          shortcut={{ modifiers: ['cmd', 'shift'], key: 'p' }}
          onAction={() => act.play(dictation)}
        />
      )}
      <Action.Push
        title="Transcribe with Another Model"
        icon={Icon.Switch}
        shortcut={{ modifiers: ['cmd'], key: 't' }}
        target={
          <TranscribeModelPicker
            settings={settings}
            currentModel={dictation.model}
            choose={(model) => act.transcribe(dictation, model)}
          />
        }
      />
      <Action.ShowInFinder title="Show Audio in Finder" path={dictation.audio} />
    </ActionPanel.Section>
  );
}
