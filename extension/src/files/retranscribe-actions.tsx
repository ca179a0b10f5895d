import { Action, Icon, Keyboard } from '@raycast/api';
import type { FileJob } from 'sotto/client';
import type { FileActions } from './file-actions';
import type { ExtensionSettings } from '../lib/preferences';
import { TranscribeModelPicker } from '../components/transcribe-model-picker';
import { LanguagePicker } from '../components/language-picker';

interface Props {
  readonly file: FileJob;
  readonly actions: FileActions;
  readonly settings: ExtensionSettings;
}

export function RetranscribeActions({ file, actions, settings }: Props) {
  const { language, summary } = file;
  return (
    <>
      <Action
        title={file.state === 'final' ? 'Transcribe Again' : 'Try Again'}
        icon={Icon.ArrowClockwise}
        shortcut={Keyboard.Shortcut.Common.Refresh}
        onAction={() => actions.retranscribe(file, {})}
      />
      <Action.Push
        title="Transcribe in Another Language…"
        icon={Icon.Globe}
        target={
          <LanguagePicker
            title="Transcribe in Another Language"
            icon={Icon.Globe}
            daemon={settings}
            model={summary?.model}
            chosen={language}
            choose={(code) => void actions.retranscribe(file, { language: code })}
          />
        }
      />
      <Action.Push
        title="Transcribe with Another Model…"
        icon={Icon.Box}
        target={
          <TranscribeModelPicker
            settings={settings}
            currentModel={summary?.model ?? ''}
            choose={(model) => actions.retranscribe(file, { model })}
          />
        }
      />
    </>
  );
}
