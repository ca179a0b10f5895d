import { Action, ActionPanel, Color, Icon, launchCommand, LaunchType, List } from '@raycast/api';
import { useState } from 'react';
import type { SottoError } from 'sotto/client';
import type { ModelTask } from 'sotto/protocol';
import { ModelItem } from './models/model-item';
import { useModelActions } from './models/use-model-actions';
import { useModels } from './models/use-models';
import { capitalized } from './lib/deliver';
import {
  isInMemory,
  isRepository,
  repositoryName,
  rowsOf,
  tasksIn,
  type ModelRow,
} from './models/model-rows';
import { memoryText, taskTitle } from './models/model-text';
import { readSettings } from './lib/preferences';

export default function Models() {
  const [settings] = useState(readSettings);
  const [isShowingDetails, setShowingDetails] = useState(false);
  const [search, setSearch] = useState('');
  const { list, states, error, client, retry, refresh } = useModels(settings.sotto);
  const { actions, progress } = useModelActions({
    client,
    refresh,
    preferred: settings.model,
  });

  const [task, setTask] = useState<ModelTask | undefined>();
  const allRows = list === undefined ? [] : rowsOf(list, states);
  const tasks = tasksIn(allRows);
  const rows = allRows.filter((row) => task === undefined || row.tasks.includes(task));
  const memoryBytes = list?.machine.memoryBytes ?? 0;
  const shared = {
    act: actions,
    partials: allRows.filter(({ place }) => place === 'partial'),
    isAnyInMemory: allRows.some(({ status }) => isInMemory(status)),
    isShowingDetails,
    onToggleDetails: () => setShowingDetails((before) => !before),
    memoryBytes,
  };
  const items = (places: readonly ModelRow['place'][]) =>
    rows
      .filter(({ place }) => places.includes(place))
      .map((row) => <ModelItem key={row.name} row={row} progress={progress.get(row.name)} {...shared} />);
  const repository = search.trim();

  return (
    <List
      isLoading={list === undefined && error === undefined}
      isShowingDetail={isShowingDetails && list !== undefined}
      filtering
      onSearchTextChange={setSearch}
      searchBarPlaceholder="Search, or enter owner/name from Hugging Face"
      searchBarAccessory={tasks.length < 2 ? null : <TaskFilter tasks={tasks} onChange={setTask} />}
    >
      {error !== undefined && list !== undefined ? (
        <List.Section title="Couldn’t Refresh">
          <List.Item
            title={capitalized(error.message)}
            subtitle={error.hint}
            icon={{ source: Icon.Warning, tintColor: Color.Red }}
            actions={<ErrorActions onRetry={retry} />}
          />
        </List.Section>
      ) : null}
      <List.Section title="On This Mac">{items(['installed'])}</List.Section>
      <List.Section title="Downloading">{items(['downloading', 'partial'])}</List.Section>
      <List.Section
        title="Available"
        {...(memoryBytes > 0 ? { subtitle: `This Mac has ${memoryText(memoryBytes)} of memory` } : {})}
      >
        {items(['available'])}
      </List.Section>
      {isRepository(repository) && list !== undefined ? (
        <List.Section title="From Hugging Face">
          <List.Item
            title={repository}
            subtitle="Model on Hugging Face"
            icon={Icon.Download}
            actions={
              <ActionPanel>
                <Action
                  title="Download"
                  icon={Icon.Download}
                  onAction={() =>
                    actions.download({
                      name: repositoryName(repository),
                      title: repository,
                      from: repository,
                    })
                  }
                />
              </ActionPanel>
            }
          />
        </List.Section>
      ) : null}
      {error !== undefined && list === undefined ? (
        <ErrorView error={error} onRetry={retry} />
      ) : (
        <List.EmptyView
          icon={Icon.MagnifyingGlass}
          title="No Models Found"
          description="Enter owner/name to download a model from Hugging Face."
        />
      )}
    </List>
  );
}

interface TaskFilterProps {
  readonly tasks: readonly ModelTask[];
  readonly onChange: (task: ModelTask | undefined) => void;
}

function TaskFilter({ tasks, onChange }: TaskFilterProps) {
  return (
    <List.Dropdown
      tooltip="Filter by Task"
      onChange={(value) => onChange(tasks.find((task) => task === value))}
    >
      <List.Dropdown.Item title="All Models" value="" />
      {tasks.map((task) => (
        <List.Dropdown.Item key={task} title={taskTitle(task)} value={task} />
      ))}
    </List.Dropdown>
  );
}

function ErrorView({ error, onRetry }: { readonly error: SottoError; readonly onRetry: () => void }) {
  return (
    <List.EmptyView
      icon={Icon.Warning}
      title={capitalized(error.message)}
      description={error.hint}
      actions={<ErrorActions onRetry={onRetry} />}
    />
  );
}

function ErrorActions({ onRetry }: { readonly onRetry: () => void }) {
  const setUp = () => launchCommand({ name: 'set-up', type: LaunchType.UserInitiated });
  return (
    <ActionPanel>
      <Action title="Try Again" icon={Icon.ArrowClockwise} onAction={onRetry} />
      <Action title="Check Setup" icon={Icon.WrenchScrewdriver} onAction={setUp} />
    </ActionPanel>
  );
}
