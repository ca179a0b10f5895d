/** `generation_config.json` decides how the text is decoded, as `generate` of transformers reads it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

import { MoonshineModel } from '#daemon/models/moonshine/index.js';

import { expectedOf, moonshineDir, resultOf } from './moonshine-dirs.js';

const clip = expectedOf('odd-rotary').clips.at(-1);
const samples = clip?.samples ?? new Float32Array(0);
const tokens: readonly number[] = clip?.tokens ?? [];

async function tokensWith(generation: object): Promise<readonly number[]> {
  const dir = moonshineDir('odd-rotary');
  writeFileSync(join(dir, 'generation_config.json'), JSON.stringify(generation));
  const model = await MoonshineModel.load(dir);
  const { segments } = await resultOf(model, samples, { vad: false, timestamps: false });
  model.dispose();
  return segments.flatMap((segment) => segment.tokens ?? []);
}

const [first = 0] = tokens;
const later = tokens.find((token) => token !== first) ?? 0;

test('its limit counts the start of the text', async () => {
  expect(tokens.length).toBeGreaterThan(3);
  expect(await tokensWith({ max_length: 4 })).toEqual(tokens.slice(0, 3));
  expect(await tokensWith({ max_new_tokens: 2 })).toEqual(tokens.slice(0, 2));
});

test('its ends of the text count, not those of config.json', async () => {
  expect(await tokensWith({ eos_token_id: [2, later] })).toEqual(tokens.slice(0, tokens.indexOf(later)));
});

test('suppressed tokens are not written, or not first', async () => {
  expect(await tokensWith({ suppress_tokens: [first, later] })).not.toContain(later);
  const [other, ...rest] = await tokensWith({ begin_suppress_tokens: [first] });
  expect(other).not.toBe(first);
  expect(rest.length).toBeGreaterThan(0);
});

test('an id outside the vocabulary is refused', async () => {
  await expect(tokensWith({ suppress_tokens: [999] })).rejects.toMatchObject({
    code: 'MODEL_UNSUPPORTED',
    message: expect.stringContaining('suppress_tokens: 999'),
  });
});
