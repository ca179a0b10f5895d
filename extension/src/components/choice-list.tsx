import { Action, ActionPanel, Icon, List, useNavigation } from '@raycast/api';
import { SottoError } from 'sotto/client';
import { errorText } from '../lib/markdown';

export interface Choice {
  readonly value: string;
  readonly title: string;
  readonly note?: string;
}

interface Props {
  readonly title: string;
  readonly placeholder: string;
  readonly icon: Icon;
  readonly choices: readonly Choice[];
  /** The current value. */
  readonly chosen: string | undefined;
  readonly isLoading?: boolean;
  readonly empty: { readonly title: string; readonly description?: string };
  readonly choose: (value: string) => void;
}

/** A screen on top of the command, which keeps running below it. */
export function ChoiceList({ title, placeholder, icon, choices, chosen, isLoading, empty, choose }: Props) {
  const { pop } = useNavigation();
  return (
    <List isLoading={isLoading ?? false} navigationTitle={title} searchBarPlaceholder={placeholder}>
      <List.EmptyView icon={icon} {...empty} />
      {choices.map(({ value, title: name, note }) => (
        <List.Item
          key={value}
          id={value}
          title={name}
          icon={value === chosen ? Icon.CheckCircle : icon}
          accessories={note === undefined ? [] : [{ text: note }]}
          actions={
            <ActionPanel>
              <Action
                title="Select"
                icon={Icon.Check}
                onAction={() => {
                  choose(value);
                  pop();
                }}
              />
            </ActionPanel>
          }
        />
      ))}
    </List>
  );
}

/** The text of an empty list: why it could not be loaded, or what to do. */
export function emptyFor(error: Error | undefined, title: string, description: string): Props['empty'] {
  return { title, description: error === undefined ? description : errorText(SottoError.from(error)) };
}
