/** Dictate: listens from the moment it opens, and shows the words while they are spoken. */
import { Detail } from '@raycast/api';
import { useRef, useState } from 'react';
import type { Capture } from 'sotto/client';
import { TakeActions } from './components/take-actions';
import { TakeFacts } from './components/take-facts';
import { useTake } from './hooks/use-take';
import { withCapitals } from './lib/capitals';
import { deliver, type Delivery } from './lib/deliver';
import { readSettings, takeOptions } from './lib/preferences';
import { errorText, markdownOf, stateOf } from './lib/take-markdown';
import { tellFailure } from './lib/tell-failure';

export default function Dictate() {
  const [settings] = useState(readSettings);
  // What is to become of the text, once somebody has said that all is said.
  const wanted = useRef<Promise<Delivery | undefined> | undefined>(undefined);
  const send = async ({ text, error }: Capture, how: Delivery): Promise<void> => {
    // Why there is no text is worth more than an empty one: it stays in sight.
    if (error !== undefined && (text ?? '') === '') return;
    try {
      await deliver(withCapitals(text ?? '', settings.capitals), how, settings.trailingSpace, error?.message);
    } catch (thrown) {
      await tellFailure(thrown);
    }
  };
  const { take, meter, error, finish, ask, change, microphones, again } = useTake(
    takeOptions(settings, settings.goOn),
    async (last) => {
      const how = await wanted.current;
      if (how !== undefined) await send(last, how);
    },
  );

  const act = {
    finish: (how: Delivery) => {
      wanted.current = finish().then(
        (isMine) => (isMine ? how : undefined),
        // Its process is gone: that is told in its place.
        () => undefined,
      );
    },
    deliver: (how: Delivery) => (take === undefined ? undefined : send(take, how)),
    pause: () => ask('pause'),
    resume: () => ask('resume'),
    cancel: () => {
      wanted.current = undefined;
      ask('cancel');
    },
    undo: () => ask('restore'),
    change,
    microphones,
    again: () => {
      wanted.current = undefined;
      again();
    },
  };

  const isQuiet = take?.phase === 'listening' || take?.phase === 'paused' || take?.phase === 'cancelled';
  const isEnded = error !== undefined || take?.phase === 'final' || take?.phase === 'failed';
  const state = error !== undefined ? 'Failed' : take === undefined ? 'Starting…' : stateOf(take);
  return (
    <Detail
      isLoading={!isQuiet && !isEnded && take?.phase !== 'gone'}
      navigationTitle={`Dictate · ${state}`}
      markdown={textOf(take, error)}
      metadata={
        take === undefined ? undefined : (
          <TakeFacts
            take={take}
            state={state}
            meter={meter}
            language={take.language ?? take.asked.language}
          />
        )
      }
      actions={<TakeActions take={take} error={error} settings={settings} act={act} />}
    />
  );
}

function textOf(take: Capture | undefined, error: Parameters<typeof errorText>[0] | undefined): string {
  if (error === undefined) return take === undefined ? '*One moment…*' : markdownOf(take);
  // What was heard until then stays in sight.
  const said = take === undefined ? '' : `${markdownOf(take)}\n\n`;
  return `${said}> ${errorText(error)}`;
}
