import { Color, Icon, List } from '@raycast/api';
import type { ReactElement } from 'react';
import type { PastDictation } from 'sotto/protocol';
import { timeOf } from './group-by-day';
import { markdownOf, stateOf, titleOf, wordCount } from './history-text';
import { formatClock, languageName } from '../lib/format';

interface Props {
  readonly dictation: PastDictation;
  readonly isPlaying: boolean;
  readonly actions: ReactElement;
}

const COLORS = { Recovered: Color.Blue, 'In Background': Color.SecondaryText, Failed: Color.Red };
const ICONS = { Recovered: Icon.ArrowCounterClockwise, 'In Background': Icon.Moon, Failed: Icon.Warning };

export function HistoryItem({ dictation, isPlaying, actions }: Props) {
  const state = stateOf(dictation);
  const mark = state === undefined ? [] : [{ tag: { value: state, color: COLORS[state] } }];
  const icon = state === undefined ? Icon.SpeechBubble : { source: ICONS[state], tintColor: COLORS[state] };
  return (
    <List.Item
      id={dictation.id}
      title={titleOf(dictation)}
      icon={isPlaying ? { source: Icon.SpeakerHigh, tintColor: Color.Green } : icon}
      accessories={[...mark, { text: timeOf(dictation.startedMs) }]}
      detail={
        <List.Item.Detail
          markdown={markdownOf(dictation)}
          metadata={<DictationDetails dictation={dictation} />}
        />
      }
      actions={actions}
    />
  );
}

function DictationDetails({ dictation }: { readonly dictation: PastDictation }) {
  const { text, durationSeconds, language, model, audio } = dictation;
  const state = stateOf(dictation);
  return (
    <List.Item.Detail.Metadata>
      {state === undefined ? null : (
        <List.Item.Detail.Metadata.TagList title="State">
          <List.Item.Detail.Metadata.TagList.Item text={state} color={COLORS[state]} />
        </List.Item.Detail.Metadata.TagList>
      )}
      <List.Item.Detail.Metadata.Label title="Length" text={formatClock(durationSeconds)} />
      <List.Item.Detail.Metadata.Label title="Words" text={String(wordCount(text))} />
      <List.Item.Detail.Metadata.Label
        title="Language"
        text={language === undefined ? 'Unknown' : languageName(language)}
      />
      <List.Item.Detail.Metadata.Label title="Model" text={model} />
      {audio === undefined ? null : <List.Item.Detail.Metadata.Label title="Audio" text="Saved" />}
    </List.Item.Detail.Metadata>
  );
}
