import { Icon } from '@raycast/api';
import { usePromise } from '@raycast/utils';
import { withDaemon, type DaemonSettings } from '../lib/connect-daemon';
import { languagesOf } from '../lib/languages';
import { ChoiceList, emptyFor, type Choice } from './choice-list';

interface Props {
  readonly title: string;
  readonly icon: Icon;
  readonly daemon: DaemonSettings;
  /** Name of the model whose languages are listed. */
  readonly model: string | undefined;
  readonly chosen: string | undefined;
  /** Choices before the languages. */
  readonly first?: readonly Choice[];
  readonly choose: (code: string) => void;
}

export function LanguagePicker({ title, icon, daemon, model, chosen, first = [], choose }: Props) {
  const { data, error, isLoading } = usePromise(
    () => withDaemon(daemon, (client) => client.models.list()),
    [],
    { onError: () => undefined },
  );
  const languages = data === undefined ? [] : languagesOf(data, model);
  return (
    <ChoiceList
      title={title}
      placeholder="Search languages"
      icon={icon}
      choices={[...first, ...languages.map(({ code, name }) => ({ value: code, title: name }))]}
      chosen={chosen}
      isLoading={isLoading}
      empty={emptyFor(error, 'No Matching Language', 'Choose another model for more languages.')}
      choose={choose}
    />
  );
}
