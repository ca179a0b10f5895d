import { Action, ActionPanel, Icon, List, useNavigation } from '@raycast/api';
import { usePromise } from '@raycast/utils';
import { SottoError } from 'sotto/client';
import { withDaemon } from '../lib/connect-daemon';
import type { ExtensionSettings } from '../lib/preferences';
import { errorText } from '../lib/markdown';
import { transcribes } from '../models/model-rows';

interface Props {
  readonly settings: ExtensionSettings;
  /** The model of the current transcript. */
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
      searchBarPlaceholder="Search models on this Mac"
    >
      <List.EmptyView
        icon={Icon.Box}
        title={error === undefined ? 'No Models Found' : 'Couldn’t Load Models'}
        description={
          error === undefined ? 'Download more in Manage Models.' : errorText(SottoError.from(error))
        }
      />
      {data?.installed.filter(transcribes).map(({ name, catalogue, chosen }) => (
        <List.Item
          key={name}
          title={titles.get(catalogue ?? name) ?? name}
          icon={Icon.Box}
          accessories={[
            ...(name === currentModel ? [{ text: 'Current transcript' }] : []),
            ...(chosen ? [{ tag: 'Default' }] : []),
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
