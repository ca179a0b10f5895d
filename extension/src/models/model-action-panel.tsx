import { Action, ActionPanel, Icon, Keyboard } from '@raycast/api';
import { downloadOf, redownloadOf } from './model-actions';
import type { ModelActions } from './use-model-actions';
import type { ModelRow } from './model-rows';
import { taskTitle } from './model-text';
import { REMOVE } from '../components/common-actions';

export interface ModelActionPanelProps {
  readonly row: ModelRow;
  readonly act: ModelActions;
  /** Cancelled downloads that can be resumed. */
  readonly partials: readonly ModelRow[];
  readonly isAnyInMemory: boolean;
  readonly isShowingDetails: boolean;
  readonly onToggleDetails: () => void;
}

export function ModelActionPanel({ row, act, partials, isAnyInMemory, ...details }: ModelActionPanelProps) {
  return (
    <ActionPanel>
      <ActionPanel.Section>
        <OwnActions row={row} act={act} partials={partials} />
        <Action
          title={details.isShowingDetails ? 'Hide Details' : 'Show Details'}
          icon={Icon.Sidebar}
          shortcut={{ modifiers: ['cmd'], key: 'i' }}
          onAction={details.onToggleDetails}
        />
      </ActionPanel.Section>
      <ActionPanel.Section>
        {isAnyInMemory ? (
          <Action
            title="Free Memory"
            icon={Icon.MemoryChip}
            shortcut={{ modifiers: ['cmd', 'shift'], key: 'u' }}
            onAction={act.unload}
          />
        ) : null}
        {row.installed === undefined ? null : <Action.ShowInFinder path={row.installed.dir} />}
        <Action.CopyToClipboard
          title="Copy Name"
          content={row.name}
          shortcut={Keyboard.Shortcut.Common.CopyName}
        />
      </ActionPanel.Section>
      {row.installed?.from === 'hub' ? (
        <ActionPanel.Section>
          <Action title="Remove…" {...REMOVE} onAction={() => act.remove(row)} />
        </ActionPanel.Section>
      ) : null}
    </ActionPanel>
  );
}

/** One action for each task that another model does now. */
function UseActions({ row, act }: Pick<ModelActionPanelProps, 'row' | 'act'>) {
  const { tasks, chosenFor } = row;
  if (tasks.length < 2) {
    return chosenFor.length > 0 ? null : (
      <Action title="Use This Model" icon={Icon.CheckCircle} onAction={() => act.use(row)} />
    );
  }
  return (
    <>
      {tasks
        .filter((task) => !chosenFor.includes(task))
        .map((task) => (
          <Action
            key={task}
            title={`Use for ${taskTitle(task)}`}
            icon={Icon.CheckCircle}
            onAction={() => act.use(row, task)}
          />
        ))}
    </>
  );
}

function OwnActions({ row, act, partials }: Pick<ModelActionPanelProps, 'row' | 'act' | 'partials'>) {
  const { installed } = row;
  if (row.status.state === 'downloading') {
    return <Action title="Cancel Download" icon={Icon.XMarkCircle} onAction={() => act.cancel(row)} />;
  }
  if (installed === undefined) {
    const isPartial = row.place === 'partial';
    return (
      <>
        <Action
          title={isPartial ? 'Resume Download' : 'Download'}
          icon={Icon.Download}
          onAction={() => act.download(downloadOf(row))}
        />
        {isPartial ? (
          <Action title="Discard Unfinished Downloads…" {...REMOVE} onAction={() => act.discard(partials)} />
        ) : null}
      </>
    );
  }
  const { repo, revision, from } = installed;
  return (
    <>
      <UseActions row={row} act={act} />
      {from === 'hub' && repo !== undefined ? (
        <>
          <Action
            title="Verify Files"
            icon={Icon.Fingerprint}
            shortcut={{ modifiers: ['cmd', 'shift'], key: 'v' }}
            onAction={() => act.verify(row)}
          />
          <Action
            title="Download Again"
            icon={Icon.Download}
            onAction={() => act.download(redownloadOf(row, repo, revision))}
          />
        </>
      ) : null}
    </>
  );
}
