import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { speakToFile } from '#daemon/cli/speak/write-speech.js';
import type { Speaker } from '#daemon/cli/speak/speaker.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { createAudioEncoder, type AudioFormat } from '#daemon/writers/audio/audio-format.js';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'so-speech-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const PARTS = 3;
const SAMPLE_RATE = 16_000;

/** Speaks seconds of silence. @param failure thrown after them */
function speakerOf(failure?: Error): Speaker {
  return {
    // eslint-disable-next-line @typescript-eslint/require-await -- the interface is asynchronous for the others
    async *speak() {
      yield { type: 'opened', sampleRate: SAMPLE_RATE, model: 'none' };
      for (let part = 0; part < PARTS; part++)
        yield { type: 'audio', firstSample: part * SAMPLE_RATE, samples: new Float32Array(SAMPLE_RATE) };
      if (failure !== undefined) throw failure;
    },
    close: () => Promise.resolve(),
  };
}

function speak(format: AudioFormat, speaker: Speaker): Promise<{ seconds: number }> {
  const request = {
    source: { type: 'text', text: 'none', options: {} },
    signal: new AbortController().signal,
  } as const;
  return speakToFile(join(folder, `spoken.${format}`), false, speaker, request, (sampleRate) =>
    createAudioEncoder({ format, sampleRate, samples: 'int16' }),
  );
}

test.each<AudioFormat>(['wav', 'flac', 'mp3', 'opus'])(
  'a speech that fails in the middle leaves no %s file',
  async (format) => {
    const failure = new SottoError('ENGINE_CRASHED', 'the engine ended');
    await expect(speak(format, speakerOf(failure))).rejects.toBe(failure);
    expect(readdirSync(folder)).toEqual([]);
  },
);

test('the bytes before the audio are written again with its length', async () => {
  await expect(speak('flac', speakerOf())).resolves.toMatchObject({ seconds: PARTS });
  const file = readFileSync(join(folder, 'spoken.flac'));
  expect(file.toString('latin1', 0, 4)).toBe('fLaC');
  expect(file.readUInt32BE(22)).toBe(PARTS * SAMPLE_RATE);
});
