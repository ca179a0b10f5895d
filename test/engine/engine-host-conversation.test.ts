/** Conversations in the engine: their answers, their audio, their order among other work, and what ends them. */
import { describe, expect, test } from '@jest/globals';
import type { Recognizer, SpeechModel } from '#daemon/models/speech-model.js';
import { pcmContent, type ConversationOptions, type Turn } from '#daemon/protocol/conversation.js';
import { toFloat32 } from '#daemon/protocol/synthesis.js';
import { ANSWER_RATE, ScriptedConversation } from '#test/harness/scripted-conversation.js';
import { gate, ScriptedModel, settled } from '#test/harness/scripted-speech.js';
import { until } from '#test/harness/wait.js';
import { ref, setUp } from './with-engine-host.js';

const TEXT = 'one two three';

function begin(models: (dir: string) => SpeechModel) {
  const engine = setUp(models as (dir: string) => Recognizer);
  const { host, sent } = engine;
  const converse = (
    speech: number,
    content: Turn['content'],
    options: ConversationOptions = {},
    model = ref,
  ): void => {
    const source = { type: 'turns' as const, turns: [{ role: 'user' as const, content }], options };
    host.receive({ type: 'speech-open', speech, model, source });
  };
  const of = (speech: number) => sent.filter((m) => 'speech' in m && m.speech === speech);
  const ended = (speech: number) =>
    until(() => of(speech).some(({ type }) => type === 'speech-answered' || type === 'speech-failed'));
  const textOf = (speech: number): string =>
    of(speech)
      .map((m) => (m.type === 'speech-answer' && m.event.type === 'text' ? m.event.text : ''))
      .join('');
  const samplesOf = (speech: number): number =>
    of(speech).reduce((sum, m) => sum + (m.type === 'speech-audio' ? toFloat32(m.samples).length : 0), 0);
  return { ...engine, converse, of, ended, textOf, samplesOf };
}

const text = (value: string): Turn['content'] => [{ type: 'text', text: value }];
const words = (count: number): Turn['content'] =>
  text(Array.from({ length: count }, (_, i) => `w${i}`).join(' '));

describe('a conversation', () => {
  test('is answered with tool calls and text, and spoken if requested', async () => {
    const toolCalls = [{ name: 'clock', arguments: { zone: 'UTC' } }];
    const { converse, of, ended, textOf, samplesOf } = begin(() => new ScriptedConversation({ toolCalls }));
    converse(1, text(TEXT), { speak: true });
    await ended(1);
    expect(of(1).map(({ type }) => type)).toEqual([
      ...['speech-opened', 'speech-answer'],
      ...Array.from({ length: 3 }, () => ['speech-answer', 'speech-audio']).flat(),
      'speech-answered',
    ]);
    expect(of(1)[0]).toMatchObject({ sampleRate: ANSWER_RATE });
    expect(of(1)[1]).toMatchObject({ event: { type: 'tool-call', call: toolCalls[0] } });
    expect([textOf(1), samplesOf(1)]).toEqual([TEXT, 1.5 * ANSWER_RATE]);
    expect(of(1).at(-1)).toMatchObject({ summary: { text: TEXT, toolCalls, durationSeconds: 1.5 } });
    converse(2, text(TEXT));
    await ended(2);
    expect([of(2)[0], samplesOf(2)]).toEqual([{ type: 'speech-opened', speech: 2, sampleRate: 0 }, 0]);
  });

  test('reads files and samples, and closes its files', async () => {
    const model = new ScriptedConversation();
    const { converse, ended, seen } = begin(() => model);
    converse(1, [...text(TEXT), { type: 'audio', path: '/a' }, pcmContent(Int16Array.of(16_384, -32_768))]);
    await ended(1);
    expect(model.input).toEqual([0.5, -1]);
    expect([seen.rates, seen.closed]).toEqual([[undefined], 1]);
  });

  test('fails with a file that can’t be opened, and closes the others', async () => {
    const model = new ScriptedConversation();
    const { converse, of, ended, seen } = begin(() => model);
    converse(
      1,
      ['/a', '/missing'].map((path) => ({ type: 'audio' as const, path })),
    );
    await ended(1);
    expect(of(1)).toMatchObject([{ type: 'speech-failed', error: { code: 'AUDIO_NOT_FOUND' } }]);
    expect([seen.closed, model.ended]).toEqual([1, 0]);
  });

  test('is spoken at most ten seconds ahead of its listener, and written without one', async () => {
    const { host, converse, ended, samplesOf, textOf } = begin(() => new ScriptedConversation());
    converse(1, words(60), { speak: true });
    await until(() => samplesOf(1) >= 10 * ANSWER_RATE);
    await settled();
    expect(samplesOf(1)).toBe(10 * ANSWER_RATE);
    host.receive({ type: 'speech-acknowledge', speech: 1, samples: ANSWER_RATE });
    await settled();
    expect(samplesOf(1)).toBe(11 * ANSWER_RATE);
    converse(2, words(60));
    await ended(2);
    expect(textOf(2)).toBe((words(60)[0] as { text: string }).text);
  });

  test('ends within a step of its cancel, also while it reads a file that gives nothing', async () => {
    const word = gate();
    const model = new ScriptedConversation({ onWord: (n) => (n === 1 ? word.opened : undefined) });
    const { host, converse, of, seen } = begin(() => model);
    converse(1, words(1_000));
    await until(() => of(1).length === 2);
    host.receive({ type: 'speech-cancel', speech: 1 });
    word.open();
    await until(() => model.ended === 1);
    await settled();
    expect([of(1).length, model.words]).toEqual([2, 1]);
    converse(2, [{ type: 'audio', path: '/stuck' }]);
    await until(() => of(2).length === 1);
    await settled();
    host.receive({ type: 'speech-cancel', speech: 2 });
    await until(() => model.ended === 2);
    expect([of(2).length, seen.closed > 0]).toEqual([1, true]);
  });

  test('fails with the reason of the model, with NaN, and with a model that can’t', async () => {
    const failures = [
      [new ScriptedConversation({ onWord: () => Promise.reject(new Error('no')) }), 'INTERNAL'],
      [new ScriptedConversation({ brokenWord: 1 }), 'ENGINE_CRASHED'],
      [new ScriptedConversation({ mute: true }), 'MODEL_UNSUPPORTED'],
      [new ScriptedModel('m'), 'MODEL_UNSUPPORTED'],
    ] as const;
    for (const [model, code] of failures) {
      const { converse, of, ended } = begin(() => model);
      converse(1, text(TEXT), { speak: true });
      await ended(1);
      expect(of(1).at(-1)).toMatchObject({ type: 'speech-failed', error: { code } });
    }
  });

  test('is answered after dictation and before files', async () => {
    const log: string[] = [];
    const decoding = gate();
    const transcribing = new ScriptedModel('m', {
      onDecode: async () => {
        await decoding.opened;
        log.push('decode');
      },
      onStep: () => void log.push('file'),
    });
    const model = new ScriptedConversation({ onWord: () => void log.push('answer') });
    const { host, converse, run, ended, speak, endOf, open } = begin((dir) =>
      dir === '/c' ? model : transcribing,
    );
    open(1);
    await settled();
    speak(1, 0.6);
    await settled();
    run(1);
    converse(1, text(TEXT), {}, { name: 'c', dir: '/c' });
    await settled();
    expect(log).toEqual([]);
    decoding.open();
    await ended(1);
    await endOf(1);
    expect(log[0]).toBe('decode');
    expect(log.indexOf('file')).toBeGreaterThan(log.indexOf('answer'));
    host.receive({ type: 'live-cancel', session: 1 });
  });
});
