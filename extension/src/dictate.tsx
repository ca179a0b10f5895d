/** Dictate: records as soon as it opens, and shows the words as they are spoken. */
import { Detail } from '@raycast/api';
import { useRef, useState } from 'react';
import type { DictationView } from 'sotto/client';
import { DictationActionPanel } from './dictation/dictation-action-panel';
import { DictationMetadata } from './dictation/dictation-metadata';
import { useDictation } from './dictation/use-dictation';
import { applyCapitalization } from './dictation/capitalization';
import { deliver, type Delivery } from './lib/deliver';
import { readSettings, dictationOptions } from './lib/preferences';
import { isSwitchable, markdownOf, stateOf } from './dictation/dictation-markdown';
import { errorText } from './lib/markdown';
import { showFailure } from './lib/show-failure';

export default function Dictate() {
  const [settings] = useState(readSettings);
  // Undefined until the user finishes here: the text of a dictation finished elsewhere is delivered there.
  const pendingDelivery = useRef<Promise<Delivery | undefined> | undefined>(undefined);
  const send = async ({ text, error }: DictationView, delivery: Delivery): Promise<void> => {
    // Keep the view open to show why there is no text.
    if (error !== undefined && (text ?? '') === '') return;
    try {
      await deliver(
        applyCapitalization(text ?? '', settings.capitalization),
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
        // The process died: `error` shows that.
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
      markdown={textOf(dictation, meter, error)}
      metadata={
        dictation === undefined ? undefined : (
          <DictationMetadata
            dictation={dictation}
            language={dictation.language ?? dictation.requested.language}
          />
        )
      }
      actions={<DictationActionPanel dictation={dictation} error={error} settings={settings} act={act} />}
    />
  );
}

function textOf(
  dictation: DictationView | undefined,
  meter: string,
  error: Parameters<typeof errorText>[0] | undefined,
): string {
  if (error === undefined) {
    if (dictation === undefined) return '*One moment…*';
    // A heading, because Raycast's Markdown has no other large text; an SVG that changes 12 times a second would flicker.
    return isSwitchable(dictation) ? `${markdownOf(dictation)}\n\n## ${meter}` : markdownOf(dictation);
  }
  // The words so far stay visible.
  const text = dictation === undefined ? '' : `${markdownOf(dictation)}\n\n`;
  return `${text}> ${errorText(error)}`;
}
