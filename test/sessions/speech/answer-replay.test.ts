import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { AnswerEvent } from '#daemon/protocol/conversation.js';
import { AnswerReplay } from '#daemon/sessions/speech/answer-replay.js';

const text = (value: string): AnswerEvent => ({ type: 'text', text: value });
const call = (name: string): AnswerEvent => ({ type: 'tool-call', call: { name, arguments: { at: 1 } } });
const otherAnswer = expect.objectContaining({ code: 'ENGINE_CRASHED' });

function run(replay: AnswerReplay, events: readonly AnswerEvent[]): AnswerEvent[] {
  return events.flatMap((event) => replay.fresh(event) ?? []);
}

/** An answer as one value: its calls stand between its texts. */
function asText(events: readonly AnswerEvent[]): string {
  return events.map((event) => (event.type === 'text' ? event.text : `<${event.call.name}>`)).join('');
}

describe('an answer that is made again', () => {
  test('gives what was not delivered, also when its pieces are cut elsewhere', () => {
    const replay = new AnswerReplay();
    expect(asText(run(replay, [text('Good '), call('clock'), text('mor')]))).toBe('Good <clock>mor');
    replay.restart();
    const rest = [text('Go'), text('od '), call('clock'), text('morning.'), call('lamp')];
    expect(run(replay, rest)).toEqual([text('ning.'), call('lamp')]);
    expect(() => replay.assertComplete()).not.toThrow();
  });

  test.each<[string, AnswerEvent[]]>([
    ['its text differs', [text('Goob')]],
    ['it calls another tool', [text('Good '), call('lamp')]],
    ['it calls a tool earlier', [text('Good'), call('clock')]],
    ['it calls a tool later', [text('Good mor'), call('clock')]],
    ['it calls no tool', [text('Good morning.')]],
    ['it calls a further tool before text that was delivered', [text('Good '), call('clock'), call('lamp')]],
  ])('fails if %s', (_, again) => {
    const replay = new AnswerReplay();
    run(replay, [text('Good '), call('clock'), text('mor')]);
    replay.restart();
    expect(() => run(replay, again)).toThrow(otherAnswer);
  });

  test.each<[string, AnswerEvent[]]>([
    ['text', [text('Good ')]],
    ['a call', [text('Good day')]],
  ])('fails if it ends before %s that was delivered', (_, again) => {
    const replay = new AnswerReplay();
    run(replay, [text('Good '), text('day'), call('clock')]);
    replay.restart();
    run(replay, again);
    expect(() => replay.assertComplete()).toThrow(otherAnswer);
  });

  test('is the same for any pieces and any crashes', () => {
    const events = fc.array(
      fc.oneof(fc.string({ minLength: 1, maxLength: 6 }).map(text), fc.constantFrom('a', 'b').map(call)),
      { maxLength: 8 },
    );
    const cuts = fc.array(fc.nat(20), { maxLength: 3 });
    fc.assert(
      fc.property(events, cuts, fc.integer({ min: 1, max: 4 }), (answer, crashes, size) => {
        const replay = new AnswerReplay();
        const delivered: AnswerEvent[] = [];
        for (const [attempt, crashAt] of [...crashes, Infinity].entries()) {
          replay.restart();
          const pieces = answer.flatMap((event) =>
            event.type === 'text' ? piecesOf(event.text, 1 + ((size + attempt) % 4)) : [event],
          );
          delivered.push(...run(replay, pieces.slice(0, crashAt)));
        }
        replay.assertComplete();
        expect(asText(delivered)).toBe(asText(answer));
      }),
    );
  });
});

function piecesOf(value: string, size: number): AnswerEvent[] {
  return Array.from({ length: Math.ceil(value.length / size) }, (_, i) =>
    text(value.slice(i * size, (i + 1) * size)),
  );
}
