import { Action, ActionPanel, Icon, List } from '@raycast/api';
import { useState } from 'react';
import type { SottoError } from 'sotto/client';
import { VocabularyActionPanel } from './vocabulary/vocabulary-action-panel';
import { useVocabulary } from './vocabulary/use-vocabulary';
import { useVocabularyActions, type VocabularyActions } from './vocabulary/use-vocabulary-actions';
import { readSettings } from './lib/preferences';
import { errorText } from './lib/markdown';
import { sottoPathsOrDefault } from './lib/sotto-paths';
import {
  idOf,
  nameOf,
  replacementsOf,
  replacementLabel,
  wordsOf,
  type Entry,
} from './vocabulary/vocabulary-entries';

type EntryFilter = 'all' | 'words' | 'replacements';

export default function Vocabulary() {
  const [settings] = useState(readSettings);
  const [typed, setTyped] = useState('');
  const [entryFilter, setEntryFilter] = useState<EntryFilter>('all');
  const view = useVocabulary(settings);
  const act = useVocabularyActions(view);
  const { current, error } = view;

  const items = (entries: readonly Entry[]) =>
    entries.map((entry) => <Item key={idOf(entry)} entry={entry} typed={typed} act={act} />);
  return (
    <List
      isLoading={current === undefined && error === undefined}
      filtering
      searchBarPlaceholder="Search your words and replacements"
      onSearchTextChange={setTyped}
      searchBarAccessory={
        <List.Dropdown tooltip="Filter" onChange={(value) => setEntryFilter(value as EntryFilter)}>
          <List.Dropdown.Item title="Words and Replacements" value="all" icon={Icon.Book} />
          <List.Dropdown.Item title="Words" value="words" icon={Icon.Text} />
          <List.Dropdown.Item title="Replacements" value="replacements" icon={Icon.Switch} />
        </List.Dropdown>
      }
    >
      {error === undefined ? <Empty typed={typed} act={act} /> : <ErrorView error={error} act={act} />}
      {error !== undefined || current === undefined || entryFilter === 'replacements' ? null : (
        <List.Section title="Words" subtitle={String(current.vocabulary.words.length)}>
          {items(wordsOf(current.vocabulary))}
        </List.Section>
      )}
      {error !== undefined || current === undefined || entryFilter === 'words' ? null : (
        <List.Section title="Replacements" subtitle={String(current.vocabulary.replacements.length)}>
          {items(replacementsOf(current.vocabulary))}
        </List.Section>
      )}
    </List>
  );
}

interface ItemProps {
  readonly entry: Entry;
  readonly typed: string;
  readonly act: VocabularyActions;
}

function Item({ entry, typed, act }: ItemProps) {
  const isWord = entry.kind === 'word';
  return (
    <List.Item
      id={idOf(entry)}
      title={nameOf(entry)}
      icon={isWord ? Icon.Text : Icon.Switch}
      {...(!isWord && { subtitle: replacementLabel(entry.to), keywords: entry.to.split(/\s+/) })}
      actions={<VocabularyActionPanel entry={entry} typed={typed} act={act} />}
    />
  );
}

function Empty({ typed, act }: { readonly typed: string; readonly act: VocabularyActions }) {
  return (
    <List.EmptyView
      icon={Icon.Book}
      title={typed === '' ? 'No Words Yet' : `No Results for “${typed}”`}
      description={
        typed === ''
          ? 'Add names and terms, spelled the way you want. Sotto will listen for them.'
          : 'Add it as a word, or create a replacement for it.'
      }
      actions={<VocabularyActionPanel typed={typed} act={act} />}
    />
  );
}

function ErrorView({ error, act }: { readonly error: SottoError; readonly act: VocabularyActions }) {
  return (
    <List.EmptyView
      icon={Icon.Warning}
      title="Couldn’t Load Vocabulary"
      description={errorText(error)}
      actions={
        <ActionPanel>
          <Action title="Try Again" icon={Icon.ArrowClockwise} onAction={act.refresh} />
          {error.code === 'VOCABULARY_CORRUPT' ? (
            <Action.ShowInFinder title="Show File in Finder" path={sottoPathsOrDefault().vocabulary} />
          ) : null}
        </ActionPanel>
      }
    />
  );
}
