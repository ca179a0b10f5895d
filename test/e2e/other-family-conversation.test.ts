/** A family that is not Whisper converses: in the library, and through daemon and socket, whatever happens to the engine. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openAudio } from '#daemon/audio/decode-file.js';
import { SottoClient, type ConversationEvent } from '#daemon/client/index.js';
import { loadModel, registerFamily } from '#daemon/models/registry.js';
import { asConversationModel } from '#daemon/models/speech-model.js';
import { pcmContent, type ConversationOptions, type Turn } from '#daemon/protocol/conversation.js';
import { wavData, wavHeader } from '#daemon/signal/wav-format.js';
import { describeWithEngine } from '#test/harness/real-engine.js';
import { sotto } from '#test/harness/run-sotto.js';
import { makeToneModel, toneFamily } from '#test/harness/tone-family/tone-family.js';
import { until } from '#test/harness/wait.js';
import { withHome } from '#test/harness/with-home.js';

const QUESTION = 'What time is it?';
const ANSWER = `Echo: ${QUESTION}`;
/** Longer than the engine makes ahead. */
const LONG = 'All work and no play. '.repeat(150);
const { signal } = new AbortController();

registerFamily(toneFamily);

/** The audio of a text, as the model speaks it: 10 ms for each character. */
function spoken(text: string): number[] {
  return [...text].flatMap((character) => Array<number>(160).fill(character.charCodeAt(0) / 256));
}

const turnsWith = (text: string): Turn[] => [{ role: 'user', content: [{ type: 'text', text }] }];
const textOf = (events: readonly ConversationEvent[]): string =>
  events.map((one) => (one.type === 'answer' && one.event.type === 'text' ? one.event.text : '')).join('');
const audioOf = (events: readonly ConversationEvent[]): number[] =>
  events.flatMap((one) => (one.type === 'audio' ? [...one.samples] : []));
const callsOf = (events: readonly ConversationEvent[]) =>
  events.flatMap((one) => (one.type === 'answer' && one.event.type === 'tool-call' ? [one.event.call] : []));

describeWithEngine()('a conversation with a family that is not Whisper', () => {
  const home = withHome();
  let model: string;
  let wav: string;
  beforeEach(() => {
    model = makeToneModel(home.paths.models, 'tone');
    wav = join(home.folder, 'question.wav');
    const samples = wavData(Float32Array.from(spoken(QUESTION)), 'int16');
    writeFileSync(wav, Buffer.concat([wavHeader({ sampleRate: 16_000, format: 'int16' }), samples]));
    writeFileSync(home.paths.settings, JSON.stringify({ model: 'tone', models: { converse: 'tone' } }));
  });

  test('in the library', async () => {
    const turns = [
      { role: 'user' as const, content: [{ type: 'audio' as const, audio: await openAudio(wav) }] },
    ];
    const answer = asConversationModel(await loadModel(model)).converse(turns, { speak: true }, signal);
    const samples: number[] = [];
    for (;;) {
      const step = await answer.next();
      if (step.done === true) {
        expect(step.value).toMatchObject({ text: ANSWER, toolCalls: [] });
        break;
      }
      if ('samples' in step.value) samples.push(...step.value.samples);
    }
    expect(samples).toEqual(spoken(ANSWER));
  });

  describe('on the socket', () => {
    let client: SottoClient;
    beforeEach(async () => {
      const engine = fileURLToPath(new URL('../harness/tone-family/tone-engine.js', import.meta.url));
      const started = await sotto(['daemon', 'start'], { home: home.folder, env: { SOTTO_ENGINE: engine } });
      expect(started.code).toBe(0);
      client = await SottoClient.connect(home.paths.socket, 'test');
    });
    afterEach(() => client.close());

    async function answerTo(
      turns: readonly Turn[],
      options: ConversationOptions,
    ): Promise<ConversationEvent[]> {
      const events: ConversationEvent[] = [];
      for await (const event of client.conversation.converse(turns, options)) events.push(event);
      return events;
    }

    test('is answered with text, audio and tool calls, from text and audio', async () => {
      const [file, samples] = [
        { type: 'audio' as const, path: wav },
        pcmContent(Int16Array.from(spoken(' Tell me.'), (value) => value * 32_768)),
      ];
      const turns: Turn[] = [
        { role: 'system', content: [{ type: 'text', text: 'Be brief.' }] },
        { role: 'user', content: [{ type: 'text', text: 'Well: ' }, file, samples] },
      ];
      const events = await answerTo(turns, { speak: true, tone: { tool: 'clock' } });
      const [input, answer] = [`Well: ${QUESTION} Tell me.`, `Echo: Well: ${QUESTION} Tell me.`];
      expect(events.find(({ type }) => type === 'opened')).toEqual({
        ...{ type: 'opened', sampleRate: 16_000, model: 'tone' },
      });
      expect(textOf(events)).toBe(answer);
      expect(audioOf(events)).toEqual(spoken(answer));
      expect(callsOf(events)).toEqual([{ name: 'clock', arguments: { input } }]);
      expect(events.at(-1)).toMatchObject({
        type: 'answered',
        summary: { text: answer, toolCalls: callsOf(events), durationSeconds: answer.length / 100 },
      });
      const ranges = events.flatMap((one) => (one.type === 'text' ? [one.spoken] : []));
      expect(ranges.map(({ from, to }) => answer.slice(from, to)).join('')).toBe(answer);
    });

    test('is answered in writing unless speech is requested, and refuses what the model can’t do', async () => {
      const events = await answerTo(turnsWith(QUESTION), { maxTokens: 4 });
      expect([textOf(events), audioOf(events)]).toEqual(['Echo', []]);
      expect(events.find(({ type }) => type === 'opened')).toMatchObject({ sampleRate: 0 });
      const refused = async (turns: readonly Turn[], options: ConversationOptions, code: string) =>
        expect(answerTo(turns, options)).rejects.toMatchObject({ code });
      await refused(turnsWith(QUESTION), { voice: 'none' }, 'INVALID_ARGUMENT');
      await refused(turnsWith(QUESTION), { whisper: { patience: 2 } }, 'INVALID_ARGUMENT');
      const absent = { type: 'audio' as const, path: join(home.folder, 'no.wav') };
      await refused([{ role: 'user', content: [absent] }], {}, 'AUDIO_NOT_FOUND');
      const whisper = client.conversation.converse(turnsWith(QUESTION), {}, { model: 'whisper-base-6bit' });
      await expect(whisper.next()).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
    });

    test('ends within a step of its cancel, and leaves the engine free', async () => {
      const cancelled = new AbortController();
      const answer = client.conversation.converse(
        turnsWith(LONG),
        { speak: true },
        { signal: cancelled.signal },
      );
      for (let read = 0; read < 10; read++) await answer.next();
      cancelled.abort();
      const rest = async (): Promise<void> => {
        for await (const _ of answer);
      };
      await expect(rest()).rejects.toMatchObject({ code: 'CANCELLED' });
      expect(textOf(await answerTo(turnsWith(QUESTION), {}))).toBe(ANSWER);
      expect((await client.status()).engine.restarts).toBe(0);
    });

    test('loses and repeats nothing when its engine is killed in the middle of an answer', async () => {
      const answer = client.conversation.converse(turnsWith(LONG), { speak: true, tone: { tool: 'clock' } });
      const events: ConversationEvent[] = [];
      for await (const event of answer) {
        events.push(event);
        if (events.length !== 100) continue;
        const { engine } = await client.status();
        process.kill(engine.pid ?? 0, 'SIGKILL');
        await until(async () => (await client.status()).engine.restarts === 1);
      }
      expect(textOf(events)).toBe(`Echo: ${LONG}`);
      expect(audioOf(events)).toEqual(spoken(`Echo: ${LONG}`));
      expect(callsOf(events)).toEqual([{ name: 'clock', arguments: { input: LONG } }]);
      expect(events.filter(({ type }) => type === 'opened')).toHaveLength(1);
    });
  });
});
