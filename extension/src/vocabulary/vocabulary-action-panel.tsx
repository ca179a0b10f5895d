import { Action, ActionPanel, Icon, Keyboard } from '@raycast/api';
import type { VocabularyActions } from './use-vocabulary-actions';
import type { Entry } from './vocabulary-entries';
import { REFRESH, REMOVE, UndoDelete } from '../components/common-actions';
import { VocabularyForm } from './vocabulary-form';
import { VocabularyImport } from './vocabulary-import';

interface Props {
  /** The selected entry, if any. */
  readonly entry?: Entry;
  /** The search text: prefills a new entry. */
  readonly typed: string;
  readonly act: VocabularyActions;
}

export function VocabularyActionPanel({ entry, typed, act }: Props) {
  return (
    <ActionPanel>
      {entry === undefined ? null : (
        <ActionPanel.Section>
          <Action.Push
            title="Edit"
            icon={Icon.Pencil}
            target={
              <VocabularyForm
                entry={entry}
                title={entry.kind === 'word' ? 'Save Word' : 'Save Replacement'}
                save={(now) => act.edit(entry, now)}
              />
            }
          />
          <Action title="Delete" {...REMOVE} onAction={() => act.remove(entry)} />
        </ActionPanel.Section>
      )}
      <ActionPanel.Section>
        <Action.Push
          title="Add Word"
          icon={Icon.Plus}
          shortcut={Keyboard.Shortcut.Common.New}
          target={<VocabularyForm entry={{ kind: 'word', word: typed }} title="Add Word" save={act.add} />}
        />
        <Action.Push
          title="Add Replacement"
          icon={Icon.Switch}
          shortcut={{ modifiers: ['cmd', 'shift'], key: 'n' }}
          target={
            <VocabularyForm
              entry={{ kind: 'replacement', from: typed, to: '' }}
              title="Add Replacement"
              save={act.add}
            />
          }
        />
        <UndoDelete undo={act.undo} />
      </ActionPanel.Section>
      <ActionPanel.Section>
        <Action.Push
          title="Import from File…"
          icon={Icon.Download}
          shortcut={Keyboard.Shortcut.Common.Open}
          target={<VocabularyImport importFile={act.importFile} />}
        />
        <Action
          title="Export as CSV"
          icon={Icon.Upload}
          shortcut={Keyboard.Shortcut.Common.Save}
          onAction={() => act.exportAs('csv')}
        />
        <Action title="Export as JSON" icon={Icon.Upload} onAction={() => act.exportAs('json')} />
        <Action title="Refresh" {...REFRESH} onAction={act.refresh} />
      </ActionPanel.Section>
    </ActionPanel>
  );
}
