import { Action, ActionPanel, Icon, Keyboard, openExtensionPreferences } from '@raycast/api';
import { isOver, type DictationView, type CaptureSwitch, type SottoError } from 'sotto/client';
import { isSwitchable } from './dictation-markdown';
import type { Delivery } from '../lib/deliver';
import type { ExtensionSettings } from '../lib/preferences';
import { AddWordForm } from '../vocabulary/add-word-form';
import { DeliveryActions } from '../components/delivery-actions';
import { LanguagePicker } from '../components/language-picker';
import { MicrophonePicker, ModelPicker } from './dictation-pickers';

const MICROPHONE_SETTINGS = 'x-apple.systempreferences:com.apple.preference.security?Privacy_Microphone';

interface DictationActions {
  readonly finish: (delivery: Delivery) => void;
  readonly deliver: (delivery: Delivery) => Promise<void> | undefined;
  readonly pause: () => void;
  readonly resume: () => void;
  readonly cancel: () => void;
  readonly undo: () => void;
  readonly restart: () => void;
  readonly change: (to: CaptureSwitch) => void;
  /** Names of the connected microphones. */
  readonly microphones: () => Promise<readonly string[]>;
}

interface Props {
  readonly dictation: DictationView | undefined;
  readonly error: SottoError | undefined;
  readonly settings: ExtensionSettings;
  readonly act: DictationActions;
}

export function DictationActionPanel({ dictation, error, settings, act }: Props) {
  const needsMicrophone =
    error?.code === 'MIC_DENIED' ||
    dictation?.error?.code === 'MIC_DENIED' ||
    (dictation?.noSignalSeconds ?? 0) > 0;
  return (
    <ActionPanel>
      <MainActions dictation={dictation} error={error} first={settings.delivery} act={act} />
      {dictation !== undefined && error === undefined && isSwitchable(dictation) ? (
        <Switches dictation={dictation} settings={settings} act={act} />
      ) : null}
      <ActionPanel.Section>
        <Action.Push
          title="Add Word to Vocabulary"
          icon={Icon.Plus}
          shortcut={Keyboard.Shortcut.Common.New}
          target={<AddWordForm settings={settings} />}
        />
        {needsMicrophone ? (
          <Action.Open title="Open Microphone Settings" icon={Icon.Microphone} target={MICROPHONE_SETTINGS} />
        ) : null}
        <Action title="Open Preferences" icon={Icon.Gear} onAction={openExtensionPreferences} />
      </ActionPanel.Section>
    </ActionPanel>
  );
}

interface SwitchesProps {
  readonly dictation: DictationView;
  readonly settings: ExtensionSettings;
  readonly act: DictationActions;
}

/** A change transcribes the recording so far again; no audio is lost. */
function Switches({ dictation, settings, act: { change, microphones } }: SwitchesProps) {
  return (
    <ActionPanel.Section>
      <Action.Push
        title="Change Language"
        icon={Icon.SpeechBubble}
        shortcut={{ modifiers: ['cmd'], key: 'l' }}
        target={
          <LanguagePicker
            title="Change Language"
            icon={Icon.SpeechBubble}
            daemon={settings}
            model={dictation.model}
            chosen={dictation.requested.language ?? 'auto'}
            first={[{ value: 'auto', title: 'Detect Automatically' }]}
            choose={(language) => change({ language })}
          />
        }
      />
      <Action.Push
        title="Change Model"
        icon={Icon.Box}
        shortcut={{ modifiers: ['cmd'], key: 'm' }}
        target={<ModelPicker dictation={dictation} daemon={settings} choose={(model) => change({ model })} />}
      />
      <Action.Push
        title="Change Microphone"
        icon={Icon.Microphone}
        shortcut={{ modifiers: ['cmd'], key: 'd' }}
        target={
          <MicrophonePicker
            dictation={dictation}
            list={microphones}
            choose={(device) => change({ device })}
          />
        }
      />
    </ActionPanel.Section>
  );
}

interface MainProps extends Omit<Props, 'settings'> {
  /** The delivery on the return key. */
  readonly first: Delivery;
}

function MainActions({ dictation, error, first, act }: MainProps) {
  if (dictation === undefined && error === undefined) return null;
  const hasEnded = error !== undefined || dictation === undefined || isOver(dictation.phase);
  if (hasEnded) {
    const hasText = dictation?.phase === 'final' && dictation.text !== undefined && dictation.text !== '';
    return (
      <ActionPanel.Section>
        {hasText ? <DeliveryActions first={first} onDeliver={act.deliver} /> : null}
        <Action title="Dictate Again" icon={Icon.Microphone} onAction={act.restart} />
      </ActionPanel.Section>
    );
  }
  if (dictation.phase === 'cancelled') {
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
      <DeliveryActions
        first={first}
        pasteTitle="Finish and Paste"
        copyTitle="Finish and Copy"
        onDeliver={act.finish}
      />
      {dictation.phase === 'listening' ? (
        <Action
          title="Pause"
          icon={Icon.Pause}
          shortcut={{ modifiers: ['cmd', 'shift'], key: 'p' }}
          onAction={act.pause}
        />
      ) : null}
      {dictation.phase === 'paused' ? (
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
