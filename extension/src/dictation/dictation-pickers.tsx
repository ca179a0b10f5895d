import { Icon } from '@raycast/api';
import { usePromise } from '@raycast/utils';
import type { DictationView } from 'sotto/client';
import { withDaemon, type DaemonSettings } from '../lib/connect-daemon';
import { ChoiceList, emptyFor } from '../components/choice-list';
import { transcribes } from '../models/model-rows';

interface Props {
  readonly dictation: DictationView;
  readonly choose: (value: string) => void;
}

export function ModelPicker({ dictation, choose, daemon }: Props & { readonly daemon: DaemonSettings }) {
  const { data, error, isLoading } = usePromise(
    () => withDaemon(daemon, (client) => client.models.list()),
    [],
    { onError: () => undefined },
  );
  const titles = new Map(data?.catalogue.map(({ name, title }) => [name, title]));
  const choices = data?.installed.filter(transcribes).map(({ name, catalogue }) => ({
    value: name,
    title: titles.get(catalogue ?? name) ?? name,
    ...(name === dictation.model && { note: 'In use' }),
  }));
  return (
    <ChoiceList
      title="Change Model"
      placeholder="Search models on this Mac"
      icon={Icon.Box}
      choices={choices ?? []}
      chosen={dictation.model}
      isLoading={isLoading}
      empty={emptyFor(error, 'No Models Found', 'Download more in Manage Models.')}
      choose={choose}
    />
  );
}

export function MicrophonePicker({
  dictation,
  choose,
  list,
}: Props & { readonly list: () => Promise<readonly string[]> }) {
  const { data, error, isLoading } = usePromise(list, [], { onError: () => undefined });
  return (
    <ChoiceList
      title="Change Microphone"
      placeholder="Search microphones"
      icon={Icon.Microphone}
      choices={(data ?? []).map((name) => ({ value: name, title: name }))}
      chosen={dictation.device}
      isLoading={isLoading}
      empty={emptyFor(error, 'No Microphone', 'Connect a microphone.')}
      choose={choose}
    />
  );
}
