/** The models with which a past dictation can be transcribed once more. */
import { Action, ActionPanel, Icon, List, useNavigation } from '@raycast/api';
import { usePromise } from '@raycast/utils';
import { SottoError } from 'sotto/client';
import { withDaemon } from '../lib/daemon';
import type { Settings } from '../lib/preferences';
import { errorText } from '../dictation/dictation-markdown';

interface Props {
  readonly settings: Settings;
  /** The one that gave the text that there is. */
  readonly currentModel: string;
  readonly choose: (model: string) => Promise<void>;
}

export function TranscribeModelPicker({ settings, currentModel, choose }: Props) {
  const { pop } = useNavigation();
  const { data, error, isLoading } = usePromise(
    () => withDaemon(settings, (client) => client.models.list()),
    [],
    { onError: () => undefined },
  );
  const titles = new Map(data?.catalogue.map(({ name, title }) => [name, title]));
  return (
    <List
      isLoading={isLoading}
      navigationTitle="Transcribe with Another Model"
      searchBarPlaceholder="Search the models on this Mac"
    >
      <List.EmptyView
        icon={Icon.Box}
        title={error === undefined ? 'No Such Model' : 'The Models Can’t Be Listed'}
        description={
          error === undefined ? 'Manage Models brings more of them here.' : errorText(SottoError.from(error))
        }
      />
      {data?.installed.map(({ name, catalogue, chosen }) => (
        <List.Item
          key={name}
          title={titles.get(catalogue ?? name) ?? name}
          icon={Icon.Box}
          accessories={[
            ...(name === currentModel ? [{ text: 'gave this text' }] : []),
            ...(chosen ? [{ tag: 'In Use' }] : []),
          ]}
          actions={
            <ActionPanel>
              <Action
                title="Transcribe"
                icon={Icon.Repeat}
                onAction={() => {
                  pop();
                  return choose(name);
                }}
              />
            </ActionPanel>
          }
        />
      ))}
    </List>
  );
}
