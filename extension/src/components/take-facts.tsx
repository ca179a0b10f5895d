/** Beside the words: what it does, how loud it is, for how long, in which language, by which model. */
import { Detail } from '@raycast/api';
import type { Capture } from 'sotto/client';
import { clockOf, languageName, stateOf } from '../lib/take-markdown';

export function TakeFacts({ take, meter }: { take: Capture; meter: string }) {
  const { seconds, language, model, insteadOf, device } = take;
  return (
    <Detail.Metadata>
      <Detail.Metadata.Label title="State" text={stateOf(take)} />
      <Detail.Metadata.Label title="Level" text={meter} />
      <Detail.Metadata.Label title="Time" text={clockOf(seconds)} />
      <Detail.Metadata.Separator />
      <Detail.Metadata.Label title="Language" text={languageName(language)} />
      <Detail.Metadata.Label title="Model" text={model ?? 'Loading…'} />
      {insteadOf === undefined ? null : <Detail.Metadata.Label title="In Place Of" text={insteadOf} />}
      <Detail.Metadata.Label title="Microphone" text={device ?? 'Opening…'} />
    </Detail.Metadata>
  );
}
