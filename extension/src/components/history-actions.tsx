/** What can be done with a past dictation, and with all that are shown. */
import { Action, ActionPanel, Icon, Keyboard } from '@raycast/api';
import type { PastDictation } from 'sotto/protocol';
import type { Delivery } from '../lib/deliver';
import type { ExportFormat } from '../lib/history-export';
import type { Settings } from '../lib/preferences';
import { HistoryModels } from './history-models';

export interface HistoryDeeds {
  readonly deliver: (dictation: PastDictation, how: Delivery) => Promise<void>;
  readonly play: (dictation: PastDictation) => void;
  readonly stop: () => void;
  readonly transcribe: (dictation: PastDictation, model?: string) => Promise<void>;
  readonly markRead: (dictation: PastDictation) => Promise<void>;
  readonly exportOne: (dictation: PastDictation, format: ExportFormat) => Promise<void>;
  readonly exportAll: (format: ExportFormat) => Promise<void>;
  readonly remove: (dictation: PastDictation) => Promise<void>;
  readonly removeAll: () => Promise<void>;
  /** Left out while there is nothing to bring back. */
  readonly undo: (() => Promise<void>) | undefined;
  readonly refresh: () => void;
}

interface Props {
  readonly dictation: PastDictation;
  readonly isPlaying: boolean;
  readonly settings: Settings;
  readonly act: HistoryDeeds;
}

export function HistoryActions({ dictation, isPlaying, settings, act }: Props) {
  const hasText = dictation.text.trim() !== '';
  return (
    <ActionPanel>
      <ActionPanel.Section>
        {hasText ? <Deliveries dictation={dictation} first={settings.delivery} act={act} /> : null}
        {dictation.state === 'failed' && dictation.audio !== undefined ? (
          <Action title="Transcribe Again" icon={Icon.Repeat} onAction={() => act.transcribe(dictation)} />
        ) : null}
        {dictation.state === 'recovered' ? (
          <Action title="Mark as Read" icon={Icon.CheckCircle} onAction={() => act.markRead(dictation)} />
        ) : null}
      </ActionPanel.Section>
      <SoundActions dictation={dictation} isPlaying={isPlaying} settings={settings} act={act} />
      <ActionPanel.Section>
        <ActionPanel.Submenu title="Export…" icon={Icon.Download} shortcut={Keyboard.Shortcut.Common.Save}>
          <Action
            title="This One as Text"
            icon={Icon.Text}
            onAction={() => act.exportOne(dictation, 'txt')}
          />
          <Action
            title="This One as JSON"
            icon={Icon.Code}
            onAction={() => act.exportOne(dictation, 'json')}
          />
          <Action title="All as Markdown" icon={Icon.Document} onAction={() => act.exportAll('md')} />
          <Action title="All as CSV" icon={Icon.List} onAction={() => act.exportAll('csv')} />
          <Action title="All as JSON" icon={Icon.Code} onAction={() => act.exportAll('json')} />
        </ActionPanel.Submenu>
      </ActionPanel.Section>
      <ActionPanel.Section>
        <Action
          title="Delete"
          icon={Icon.Trash}
          style={Action.Style.Destructive}
          shortcut={Keyboard.Shortcut.Common.Remove}
          onAction={() => act.remove(dictation)}
        />
        <Action
          title="Delete All Shown"
          icon={Icon.Trash}
          style={Action.Style.Destructive}
          shortcut={Keyboard.Shortcut.Common.RemoveAll}
          onAction={act.removeAll}
        />
      </ActionPanel.Section>
      <ListActions act={act} />
    </ActionPanel>
  );
}

/** What can be done whether there are any or not. */
export function ListActions({ act }: { readonly act: Pick<HistoryDeeds, 'undo' | 'refresh'> }) {
  return (
    <ActionPanel.Section>
      {act.undo === undefined ? null : (
        <Action
          title="Undo Delete"
          icon={Icon.Undo}
          shortcut={{ modifiers: ['cmd'], key: 'z' }}
          onAction={act.undo}
        />
      )}
      <Action
        title="Refresh"
        icon={Icon.ArrowClockwise}
        shortcut={Keyboard.Shortcut.Common.Refresh}
        onAction={act.refresh}
      />
    </ActionPanel.Section>
  );
}

function SoundActions({ dictation, isPlaying, settings, act }: Props) {
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
          <HistoryModels
            settings={settings}
            used={dictation.model}
            choose={(model) => act.transcribe(dictation, model)}
          />
        }
      />
      <Action.ShowInFinder title="Show Sound in Finder" path={dictation.audio} />
    </ActionPanel.Section>
  );
}

interface DeliveriesProps {
  readonly dictation: PastDictation;
  readonly first: Delivery;
  readonly act: HistoryDeeds;
}

/** The preferred one first: that is what the return key does. */
function Deliveries({ dictation, first, act }: DeliveriesProps) {
  const actions = [
    <Action
      key="insert"
      title="Paste"
      icon={Icon.TextCursor}
      onAction={() => act.deliver(dictation, 'insert')}
    />,
    <Action key="copy" title="Copy" icon={Icon.Clipboard} onAction={() => act.deliver(dictation, 'copy')} />,
  ];
  return <>{first === 'insert' ? actions : actions.reverse()}</>;
}
