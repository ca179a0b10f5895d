/** Beside the words: what it does, how loud it is, for how long, in which language, by which model. */
import { Detail } from '@raycast/api';
import type { Capture } from 'sotto/client';
import { clockOf, languageName } from './dictation-markdown';

interface Props {
  readonly dictation: Capture;
  readonly state: string;
  readonly meter: string;
  /** Of the speech, or the one that it was told to expect. */
  readonly language: string | undefined;
}

export function DictationMetadata({ dictation, state, meter, language }: Props) {
  const { seconds, model, fallbackFor, device } = dictation;
  return (
    <Detail.Metadata>
      <Detail.Metadata.Label title="State" text={state} />
      <Detail.Metadata.Label title="Level" text={meter} />
      <Detail.Metadata.Label title="Time" text={clockOf(seconds)} />
      <Detail.Metadata.Separator />
      <Detail.Metadata.Label title="Language" text={languageName(language)} />
      <Detail.Metadata.Label title="Model" text={model ?? 'Loading…'} />
      {fallbackFor === undefined ? null : <Detail.Metadata.Label title="In Place Of" text={fallbackFor} />}
      <Detail.Metadata.Label title="Microphone" text={device ?? 'Opening…'} />
    </Detail.Metadata>
  );
}
