/** Views of a live session: joined, they are its text with the vocabulary applied. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { LiveEvent } from '#daemon/protocol/live.js';
import type { SessionView } from '#daemon/protocol/session-view.js';
import { SessionViewer } from '#daemon/sessions/live/session-viewer.js';
import { applyReplacementsLive } from '#daemon/sessions/vocabulary/apply-replacements.js';
import { Replacer } from '#daemon/sessions/vocabulary/replacer.js';
import { settled } from '#test/harness/scripted-speech.js';

const replacer = new Replacer([
  { from: 'new line', to: '\n' },
  { from: 'sean', to: 'Shaun' },
]);

function begin(isSent: () => boolean = () => true) {
  const views: SessionView[] = [];
  let shown = '';
  const viewer = new SessionViewer({
    model: 'fake',
    fallbackFor: undefined,
    replacer,
    send: (view) => {
      if (!isSent()) return false;
      views.push(view);
      shown = shown.slice(0, view.from) + view.committed;
      return true;
    },
  });
  return { viewer, views, shown: () => shown };
}

const committed = (text: string): LiveEvent => ({ type: 'committed', text, words: [] });

describe('the views of a session', () => {
  test('have the fields of its last events, and end with it', async () => {
    const { viewer, views } = begin();
    viewer.receive({ event: { type: 'state', state: 'listening' } });
    viewer.receive({ seq: 1, event: { type: 'language', language: 'en' } });
    viewer.receive({ event: { type: 'voice', speaking: true } });
    viewer.receive({ event: { type: 'level', rms: -30, peak: -20 } });
    await settled();
    const fields = { seq: 1, model: 'fake', language: 'en', state: 'listening', speaking: true };
    expect(views).toEqual([{ ...fields, from: 0, committed: '', tentative: '', isOver: false }]);
    viewer.receive({ seq: 2, event: committed('Hello sean') });
    viewer.receive({ event: { type: 'tentative', text: ' and' } });
    await settled();
    expect(views.at(-1)).toMatchObject({ seq: 2, from: 0, isOver: false });
    viewer.receive({ seq: 3, event: { type: 'cancelled' } });
    await settled();
    expect(views).toHaveLength(3);
    expect(views.at(-1)).toMatchObject({ seq: 3, isOver: true });
  });

  test('joined are the text with the replacements, also if a slow reader misses some', async () => {
    const word = fc.constantFrom(' new', ' line', ' sean', ' and', ' 🙂', ' Grüße');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(word, fc.boolean()), { maxLength: 20 }), async (words) => {
        let isReading = true;
        const { viewer, shown } = begin(() => isReading);
        let text = '';
        for (const [next, reads] of words) {
          isReading = reads;
          text += next;
          viewer.receive({ event: committed(next) });
          await settled();
        }
        isReading = true;
        viewer.receive({ event: { type: 'tentative', text: ' x' } });
        await settled();
        expect(shown()).toBe(applyReplacementsLive(replacer, { committed: text, tentative: ' x' }).committed);
      }),
      { numRuns: 50 },
    );
  });
});
