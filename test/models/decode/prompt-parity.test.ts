/** Prompts compared with openai/whisper on the same weights: given, carried, alone, too long. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { describeUnless } from '#test/harness/skipping.js';
import { clip, missingClips, fixture, realWeights, samplesOf, transcribed } from '../model-fixtures.js';

interface Case {
  options: { initialPrompt: string; carryInitialPrompt?: boolean; conditionOnPreviousText?: boolean };
  tokens: number[];
}

const recorded = JSON.parse(readFileSync(fixture('prompts.json'), 'utf8')) as { clip: string; cases: Case[] };
const weights = realWeights('base');
const missing = 'missing' in weights ? weights.missing : missingClips(recorded.clip);

describeUnless(missing)('prompts compared with openai/whisper', () => {
  let model: WhisperModel;
  let speech: Float32Array;
  beforeAll(async () => {
    model = await WhisperModel.load('dir' in weights ? weights.dir : '');
    speech = await samplesOf(clip(recorded.clip) ?? '');
  });
  afterAll(() => model.dispose());

  test.each(recorded.cases.map((one) => [nameOf(one), one] as const))(
    'give the same tokens: %s',
    async (_, { options: { initialPrompt, ...whisper }, tokens }) => {
      const { segments } = await transcribed(model, speech, {
        initialPrompt,
        whisper,
        vad: false,
        temperature: [0],
      });
      expect(segments.flatMap((segment) => segment.tokens)).toEqual(tokens);
    },
  );
});

function nameOf({ options }: Case): string {
  const { initialPrompt, carryInitialPrompt = false, conditionOnPreviousText = true } = options;
  const length = initialPrompt.length > 400 ? 'too long' : 'short';
  return [
    length,
    carryInitialPrompt ? 'carried' : 'at first',
    conditionOnPreviousText ? '' : 'without the text',
  ]
    .filter((part) => part !== '')
    .join(', ');
}
