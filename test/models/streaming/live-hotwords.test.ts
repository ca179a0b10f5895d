/** Live sessions with hotwords, with the starter model. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { mx } from '#native/index.js';
import { testUnless } from '#test/harness/skipping.js';
import { clip, missingClips, root, samplesOf, starterModel } from '../model-fixtures.js';
import { defined } from '#daemon/protocol/defined.js';

const never = new AbortController().signal;
const SECOND = 16_000;
let model: WhisperModel;
beforeAll(async () => {
  model = await WhisperModel.load(starterModel());
});
afterAll(() => model.dispose());

interface LiveResult {
  readonly committed: string;
  /** Text after each step, committed and tentative. */
  readonly texts: readonly string[];
  readonly refined: string | undefined;
}

async function transcribeLive(samples: Float32Array, hotwords?: string[]): Promise<LiveResult> {
  const live = model.stream({ language: 'en', ...defined({ hotwords }) });
  const texts: string[] = [];
  let committed = '';
  try {
    for (let at = 0; at < samples.length; at += SECOND / 2) {
      live.push(samples.subarray(at, at + SECOND / 2));
      const update = await live.update(never);
      committed += update.committed.map(({ word }) => word).join('');
      texts.push(committed + update.tentative);
    }
    committed += (await live.finish(never)).committed.map(({ word }) => word).join('');
    return { committed, texts, refined: (await live.refine?.(never))?.text };
  } finally {
    live.dispose();
  }
}

describe('a live session with hotwords', () => {
  test('writes a rare word as listed, live and refined', async () => {
    const samples = await samplesOf(join(root, 'assets/speech/austen-0880.flac'));
    expect((await transcribeLive(samples)).committed).toContain('ill-sposed');
    const biased = await transcribeLive(samples, ['ill-disposed', 'niggarding']);
    expect(biased.committed).toContain('ill-disposed');
    expect(biased.refined ?? biased.committed).toContain('ill-disposed');
  });

  test('gives the same updates without matching words, without leaks', async () => {
    const jfk = await samplesOf(join(root, 'assets/speech/jfk.flac'));
    const { distractors } = JSON.parse(readFileSync(join(root, 'test/fixtures/hotwords.json'), 'utf8')) as {
      distractors: string[];
    };
    const plain = await transcribeLive(jfk);
    const arrays = mx.liveArrays();
    expect(await transcribeLive(jfk, distractors.slice(0, 200))).toEqual(plain);
    expect(mx.liveArrays()).toBe(arrays);
  });

  testUnless(missingClips('hotword-comfyui.mp3'))('writes ComfyUI if listed', async () => {
    const samples = await samplesOf(clip('hotword-comfyui.mp3') ?? '');
    expect((await transcribeLive(samples)).committed).not.toContain('ComfyUI');
    expect((await transcribeLive(samples, ['ComfyUI'])).committed.match(/ComfyUI/g)).toHaveLength(2);
  });
});
