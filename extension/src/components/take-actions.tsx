/** What can be done with a dictation, whatever it does. */
import { Action, ActionPanel, Icon, openExtensionPreferences } from '@raycast/api';
import { isOver, type Capture, type SottoError } from 'sotto/client';
import type { Delivery } from '../lib/deliver';

const MICROPHONE_SETTINGS = 'x-apple.systempreferences:com.apple.preference.security?Privacy_Microphone';

export interface TakeDeeds {
  readonly finish: (how: Delivery) => void;
  readonly deliver: (how: Delivery) => Promise<void> | undefined;
  readonly pause: () => void;
  readonly resume: () => void;
  readonly cancel: () => void;
  readonly undo: () => void;
  readonly again: () => void;
}

interface Props {
  readonly take: Capture | undefined;
  readonly error: SottoError | undefined;
  /** What the return key does. */
  readonly first: Delivery;
  readonly act: TakeDeeds;
}

export function TakeActions({ take, error, first, act }: Props) {
  const needsMicrophone =
    error?.code === 'MIC_DENIED' || take?.error?.code === 'MIC_DENIED' || (take?.noSignalSeconds ?? 0) > 0;
  return (
    <ActionPanel>
      <MainActions take={take} error={error} first={first} act={act} />
      <ActionPanel.Section>
        {needsMicrophone ? (
          <Action.Open title="Open Microphone Settings" icon={Icon.Microphone} target={MICROPHONE_SETTINGS} />
        ) : null}
        <Action title="Open Preferences" icon={Icon.Gear} onAction={openExtensionPreferences} />
      </ActionPanel.Section>
    </ActionPanel>
  );
}

function MainActions({ take, error, first, act }: Props) {
  if (take === undefined && error === undefined) return null;
  const isEnded = error !== undefined || take === undefined || isOver(take.phase);
  if (isEnded) {
    const hasText = take?.phase === 'final' && take.text !== undefined && take.text !== '';
    return (
      <ActionPanel.Section>
        {hasText ? <Deliveries first={first} insert="Paste" copy="Copy" on={act.deliver} /> : null}
        <Action title="Dictate Again" icon={Icon.Microphone} onAction={act.again} />
      </ActionPanel.Section>
    );
  }
  if (take.phase === 'cancelled') {
    return (
      <ActionPanel.Section>
        <Action
          title="Undo Cancel"
          icon={Icon.Undo}
          shortcut={{ modifiers: ['cmd'], key: 'z' }}
          onAction={act.undo}
        />
      </ActionPanel.Section>
    );
  }
  return (
    <ActionPanel.Section>
      <Deliveries first={first} insert="Finish and Paste" copy="Finish and Copy" on={act.finish} />
      {take.phase === 'listening' ? (
        <Action
          title="Pause"
          icon={Icon.Pause}
          shortcut={{ modifiers: ['cmd', 'shift'], key: 'p' }}
          onAction={act.pause}
        />
      ) : null}
      {take.phase === 'paused' ? (
        <Action
          title="Resume"
          icon={Icon.Play}
          shortcut={{ modifiers: ['cmd', 'shift'], key: 'p' }}
          onAction={act.resume}
        />
      ) : null}
      <Action
        title="Cancel"
        icon={Icon.XMarkCircle}
        style={Action.Style.Destructive}
        shortcut={{ modifiers: ['cmd'], key: 'backspace' }}
        onAction={act.cancel}
      />
    </ActionPanel.Section>
  );
}

interface DeliveriesProps {
  readonly first: Delivery;
  /** Titles of the two. */
  readonly insert: string;
  readonly copy: string;
  readonly on: (how: Delivery) => void;
}

/** The preferred one first: that is what the return key does. */
function Deliveries({ first, insert, copy, on }: DeliveriesProps) {
  const actions = [
    <Action key="insert" title={insert} icon={Icon.TextCursor} onAction={() => on('insert')} />,
    <Action key="copy" title={copy} icon={Icon.Clipboard} onAction={() => on('copy')} />,
  ];
  return <>{first === 'insert' ? actions : actions.reverse()}</>;
}
