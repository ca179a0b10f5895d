/** Dictate: listens from the moment it opens, and shows the words while they are spoken. */
import { Detail } from '@raycast/api';
import { useRef, useState } from 'react';
import type { Capture } from 'sotto/client';
import { DictationActionPanel } from './dictation/dictation-action-panel';
import { DictationMetadata } from './dictation/dictation-metadata';
import { useDictation } from './dictation/use-dictation';
import { applyCapitalization } from './dictation/capitalization';
import { deliver, type Delivery } from './lib/deliver';
import { readSettings, dictationOptions } from './lib/preferences';
import { errorText, markdownOf, stateOf } from './dictation/dictation-markdown';
import { showFailure } from './lib/show-failure';

export default function Dictate() {
  const [settings] = useState(readSettings);
  // What is to become of the text, once somebody has said that all is said.
  const pendingDelivery = useRef<Promise<Delivery | undefined> | undefined>(undefined);
  const send = async ({ text, error }: Capture, delivery: Delivery): Promise<void> => {
    // Why there is no text is worth more than an empty one: it stays in sight.
    if (error !== undefined && (text ?? '') === '') return;
    try {
      await deliver(
        applyCapitalization(text ?? '', settings.capitals),
        delivery,
        settings.trailingSpace,
        error?.message,
      );
    } catch (thrown) {
      await showFailure(thrown);
    }
  };
  const { dictation, meter, error, finish, request, change, microphones, restart } = useDictation(
    dictationOptions(settings, settings.keepListening),
    async (last) => {
      const delivery = await pendingDelivery.current;
      if (delivery !== undefined) await send(last, delivery);
    },
  );

  const act = {
    finish: (delivery: Delivery) => {
      pendingDelivery.current = finish().then(
        (shouldDeliver) => (shouldDeliver ? delivery : undefined),
        // Its process is gone: that is told in its place.
        () => undefined,
      );
    },
    deliver: (delivery: Delivery) => (dictation === undefined ? undefined : send(dictation, delivery)),
    pause: () => request('pause'),
    resume: () => request('resume'),
    cancel: () => {
      pendingDelivery.current = undefined;
      request('cancel');
    },
    undo: () => request('restore'),
    change,
    microphones,
    restart: () => {
      pendingDelivery.current = undefined;
      restart();
    },
  };

  const isQuiet =
    dictation?.phase === 'listening' || dictation?.phase === 'paused' || dictation?.phase === 'cancelled';
  const hasEnded = error !== undefined || dictation?.phase === 'final' || dictation?.phase === 'failed';
  const state = error !== undefined ? 'Failed' : dictation === undefined ? 'Starting…' : stateOf(dictation);
  return (
    <Detail
      isLoading={!isQuiet && !hasEnded && dictation?.phase !== 'discarded'}
      navigationTitle={`Dictate · ${state}`}
      markdown={textOf(dictation, error)}
      metadata={
        dictation === undefined ? undefined : (
          <DictationMetadata
            dictation={dictation}
            state={state}
            meter={meter}
            language={dictation.language ?? dictation.requested.language}
          />
        )
      }
      actions={<DictationActionPanel dictation={dictation} error={error} settings={settings} act={act} />}
    />
  );
}

function textOf(dictation: Capture | undefined, error: Parameters<typeof errorText>[0] | undefined): string {
  if (error === undefined) return dictation === undefined ? '*One moment…*' : markdownOf(dictation);
  // What was heard until then stays in sight.
  const text = dictation === undefined ? '' : `${markdownOf(dictation)}\n\n`;
  return `${text}> ${errorText(error)}`;
}
