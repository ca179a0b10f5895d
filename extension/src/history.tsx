import { ActionPanel, Icon, launchCommand, LaunchType, List, Action } from '@raycast/api';
import { useEffect, useState } from 'react';
import { defined, type HistoryRetention } from 'sotto/protocol';
import { HistoryActionPanel, ListActions, type HistoryActions } from './history/history-action-panel';
import { HistoryItem } from './history/history-item';
import { useHistory } from './history/use-history';
import { useHistoryActions } from './history/use-history-actions';
import { usePlayback } from './history/use-playback';
import type { StateFilter } from './history/history-requests';
import { groupByDay } from './history/group-by-day';
import { applyRetentionPreference } from './history/retention-preference';
import { retentionText } from './history/history-text';
import { readSettings } from './lib/preferences';
import { errorText } from './lib/markdown';
import { showFailure } from './lib/show-failure';

export default function PastDictations() {
  const [settings] = useState(readSettings);
  const [query, setQuery] = useState('');
  const [stateFilter, setStateFilter] = useState<StateFilter>('all');
  const [retention, setRetention] = useState<HistoryRetention | undefined>(undefined);
  const history = useHistory(settings, { query, stateFilter });
  const playback = usePlayback(settings);
  const act = useHistoryActions(settings, history, playback, { query, stateFilter });

  useEffect(() => {
    applyRetentionPreference(settings).then(setRetention, showFailure);
  }, []);

  return (
    <List
      isLoading={history.isLoading}
      isShowingDetail={history.dictations.length > 0}
      searchBarPlaceholder="Search your dictations"
      filtering={false}
      throttle
      onSearchTextChange={setQuery}
      {...defined({ pagination: history.pagination })}
      searchBarAccessory={
        <List.Dropdown tooltip="Filter" onChange={(value) => setStateFilter(value as StateFilter)}>
          <List.Dropdown.Item title="All Dictations" value="all" icon={Icon.SpeechBubble} />
          <List.Dropdown.Item title="Recovered" value="recovered" icon={Icon.ArrowCounterClockwise} />
          <List.Dropdown.Item title="Finished in Background" value="left" icon={Icon.Moon} />
          <List.Dropdown.Item title="Failed" value="failed" icon={Icon.Warning} />
        </List.Dropdown>
      }
    >
      <Empty
        error={history.error}
        isSearch={query !== '' || stateFilter !== 'all'}
        retention={retention}
        act={act}
      />
      {groupByDay(history.dictations, Date.now()).map(({ title, dictations }) => (
        <List.Section key={title} title={title} subtitle={String(dictations.length)}>
          {dictations.map((dictation) => (
            <HistoryItem
              key={dictation.id}
              dictation={dictation}
              isPlaying={playback.id === dictation.id}
              actions={
                <HistoryActionPanel
                  dictation={dictation}
                  isPlaying={playback.id === dictation.id}
                  settings={settings}
                  act={act}
                />
              }
            />
          ))}
        </List.Section>
      ))}
    </List>
  );
}

interface EmptyProps {
  readonly error: Parameters<typeof errorText>[0] | undefined;
  readonly isSearch: boolean;
  readonly retention: HistoryRetention | undefined;
  readonly act: HistoryActions;
}

function Empty({ error, isSearch, retention, act }: EmptyProps) {
  const actions = (
    <ActionPanel>
      {error === undefined && !isSearch ? (
        <Action
          title="Dictate"
          icon={Icon.Microphone}
          onAction={() => launchCommand({ name: 'dictate', type: LaunchType.UserInitiated })}
        />
      ) : null}
      <ListActions act={act} />
    </ActionPanel>
  );
  if (error !== undefined) {
    return (
      <List.EmptyView
        icon={Icon.Warning}
        title="Couldn’t Load History"
        description={errorText(error)}
        actions={actions}
      />
    );
  }
  if (isSearch) {
    return (
      <List.EmptyView
        icon={Icon.MagnifyingGlass}
        title="No Results"
        description="No dictation contains all of these words."
        actions={actions}
      />
    );
  }
  return (
    <List.EmptyView
      icon={Icon.SpeechBubble}
      title="No Dictations Yet"
      description={`Your dictations will appear here.${retention === undefined ? '' : ` They’re ${retentionText(retention)}.`}`}
      actions={actions}
    />
  );
}
