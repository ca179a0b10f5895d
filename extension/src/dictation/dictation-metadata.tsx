import { Detail } from '@raycast/api';
import type { DictationView } from 'sotto/client';
import { formatClock, languageName } from '../lib/format';

interface Props {
  readonly dictation: DictationView;
  /** Detected, or else requested. */
  readonly language: string | undefined;
}

export function DictationMetadata({ dictation, language }: Props) {
  const { seconds, model, fallbackFor, device } = dictation;
  return (
    <Detail.Metadata>
      <Detail.Metadata.Label title="Time" text={formatClock(seconds)} />
      <Detail.Metadata.Separator />
      <Detail.Metadata.Label title="Language" text={languageName(language)} />
      <Detail.Metadata.Label title="Model" text={model ?? 'Loading…'} />
      {fallbackFor === undefined ? null : <Detail.Metadata.Label title="Fallback for" text={fallbackFor} />}
      <Detail.Metadata.Label title="Microphone" text={device ?? 'Opening…'} />
    </Detail.Metadata>
  );
}
