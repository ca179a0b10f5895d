import { Icon } from '@raycast/api';
import { usePromise } from '@raycast/utils';
import { SottoError, type DictationView } from 'sotto/client';
import { withDaemon, type DaemonSettings } from '../lib/connect-daemon';
import { languages } from '../lib/languages';
import { errorText } from '../lib/markdown';
import { ChoiceList, type Choice } from '../components/choice-list';

interface Props {
  readonly dictation: DictationView;
  readonly choose: (value: string) => void;
}

export function LanguagePicker({ dictation, choose }: Props) {
  const all: Choice[] = [
    { value: 'auto', title: 'Detect Automatically' },
    ...languages().map(({ code, name }) => ({ value: code, title: name })),
  ];
  return (
    <ChoiceList
      title="Change Language"
      placeholder="Search languages"
      icon={Icon.SpeechBubble}
      choices={all}
      chosen={dictation.requested.language ?? 'auto'}
      empty={{ title: 'No Matching Language' }}
      choose={choose}
    />
  );
}

export function ModelPicker({ dictation, choose, daemon }: Props & { readonly daemon: DaemonSettings }) {
  const { data, error, isLoading } = usePromise(
    () => withDaemon(daemon, (client) => client.models.list()),
    [],
    { onError: () => undefined },
  );
  const titles = new Map(data?.catalogue.map(({ name, title }) => [name, title]));
  const choices = data?.installed.map(({ name, catalogue }) => ({
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

function emptyFor(error: Error | undefined, title: string, description: string) {
  return error === undefined
    ? { title, description }
    : { title, description: errorText(SottoError.from(error)) };
}
