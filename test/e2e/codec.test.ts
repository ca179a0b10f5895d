/** `sotto codec` in real processes, with the tiny checkpoints and what their authors' libraries computed. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { packageRoot } from '#daemon/paths.js';
import { describeWithEngine } from '#test/harness/real-engine.js';
import { sotto, type SottoResult } from '#test/harness/run-sotto.js';
import { starterModel } from '#test/harness/sample-speech.js';
import { withHome } from '#test/harness/with-home.js';
import { wav } from '../audio/fixtures.js';
import {
  codecDir,
  distance,
  expectedOf,
  type Packed,
  testSamples,
  unpacked,
} from '../models/codecs/codec-fixtures.js';
import { noisySamples } from '../models/codecs/vocoder-inputs.js';

interface Case {
  readonly samples: number;
  readonly codes: number[][];
  readonly audio?: Packed;
}

/** The longest case with all codebooks; the fixtures of each codec have their own form. */
function longest(name: string): Case {
  const { cases } = expectedOf<{ cases: Record<string, unknown>[] }>(name);
  const all = cases.map((one) => ({
    samples: (one.length ?? one.samples) as number,
    codes: (one.codes ?? (one.segments as number[][][])[0]) as number[][],
    audio: (one.audio ?? one.decoded) as Packed,
  }));
  return all.reduce((best, one) =>
    one.samples > best.samples || (one.samples === best.samples && one.codes.length > best.codes.length)
      ? one
      : best,
  );
}

describeWithEngine()('sotto codec', () => {
  const home = withHome();
  const run = (...args: string[]): Promise<SottoResult> =>
    sotto(args, { home: home.folder, realEngine: true });
  const floats = (samples: Float32Array): Uint8Array => new Uint8Array(samples.buffer);

  test.each([
    { name: 'encodec-causal', sampleRate: 24_000, decodes: true },
    { name: 'mimi-tiny', sampleRate: 24_000, decodes: true },
    { name: 'dac-16khz', sampleRate: 16_000, decodes: true },
    { name: 'snac-24khz', sampleRate: 24_000, decodes: false }, // its decoder adds noise
  ])('$name: a file as codes, and back', async ({ name, sampleRate, decodes }) => {
    const { samples, codes, audio } = longest(name);
    const [file, json, out] = ['in.wav', 'codes.json', 'out.wav'].map((one) => join(home.folder, one));
    if (file === undefined || json === undefined || out === undefined) throw new Error('no paths');
    writeFileSync(file, wav(floats(testSamples(samples)), { tag: 3, bits: 32, sampleRate }));
    const model = ['--model', codecDir(name), '--no-daemon'];

    const encoded = await run('codec', 'encode', file, '--output', json, ...model);
    expect([encoded.code, encoded.stderr]).toEqual([0, expect.stringContaining(`→ ${json}`)]);
    expect(JSON.parse(readFileSync(json, 'utf8'))).toMatchObject({ sampleRate, samples, codes });

    const decoded = await run('codec', 'decode', json, '--output', out, '--float', ...model);
    expect(decoded.code).toBe(0);
    const bytes = readFileSync(out);
    const found = new Float32Array(samples);
    new Uint8Array(found.buffer).set(bytes.subarray(bytes.length - found.byteLength));
    if (decodes && audio) expect(distance(found, unpacked(audio).slice(0, samples))).toBeLessThan(1e-4);
    else expect(found.every(Number.isFinite)).toBe(true);
  });

  test.each(['encodec-causal', 'encodec-segments'])(
    '%s: an .ecdc file has the same codes as JSON, in fewer bytes',
    async (name) => {
      const [file, json, ecdc] = ['in.wav', 'codes.json', 'codes.ecdc'].map((one) => join(home.folder, one));
      if (file === undefined || json === undefined || ecdc === undefined) throw new Error('no paths');
      writeFileSync(file, wav(floats(testSamples(5000)), { tag: 3, bits: 32, sampleRate: 24_000 }));
      const model = ['--model', codecDir(name), '--no-daemon'];
      const written = await Promise.all(
        [json, ecdc].map((output) => run('codec', 'encode', file, '--output', output, ...model)),
      );
      expect(written.map(({ code }) => code)).toEqual([0, 0]);
      expect(readFileSync(ecdc).length).toBeLessThan(0.5 * readFileSync(json).length);
      const decoded = await Promise.all(
        [json, ecdc].map((codes) =>
          run('codec', 'decode', codes, '--output', `${codes}.wav`, '--float', ...model),
        ),
      );
      expect(decoded.map(({ code, stderr }) => [code, stderr.includes('→')])).toEqual([
        [0, true],
        [0, true],
      ]);
      expect(readFileSync(`${ecdc}.wav`).equals(readFileSync(`${json}.wav`))).toBe(true);
    },
    60_000,
  );

  test('a codec without a decoder encodes, says so, and refuses to decode', async () => {
    const [file, json] = [join(home.folder, 'in.wav'), join(home.folder, 'codes.json')];
    const { samples, codes } = expectedOf<{ cases: { samples: number; codes: number[] }[] }>(
      's3-v2-25hz',
    ).cases.slice(-1)[0] ?? { samples: 0, codes: [] };
    writeFileSync(file, wav(floats(noisySamples(samples)), { tag: 3, bits: 32, sampleRate: 16_000 }));
    const model = ['--model', codecDir('s3-v2-25hz')];
    const encoded = await run('codec', 'encode', file, '--output', json, ...model, '--no-daemon');
    expect([encoded.code, encoded.stderr]).toEqual([0, expect.stringContaining(`→ ${json}`)]);
    const written: unknown = JSON.parse(readFileSync(json, 'utf8'));
    expect(written).toMatchObject({ sampleRate: 16_000, samples, codes: [codes] });

    const out = ['--output', join(home.folder, 'out.wav'), '--no-daemon'];
    const decoded = await run('codec', 'decode', json, ...out, ...model);
    expect([decoded.code, decoded.stderr]).toEqual([
      expect.any(Number),
      expect.stringMatching(/have no decoder of their own; a voice turns them into sound/),
    ]);
    expect(decoded.code).not.toBe(0);
    const info = await run('codec', 'info', ...model);
    expect([info.code, info.stdout]).toEqual([0, expect.stringMatching(/decoder +none: a voice turns/)]);
  });

  test('refuses an .ecdc file for a model of another family', async () => {
    const file = join(home.folder, 'in.wav');
    writeFileSync(file, wav(floats(testSamples(500)), { tag: 3, bits: 32, sampleRate: 24_000 }));
    const args = ['--output', join(home.folder, 'x.ecdc'), '--model', codecDir('mimi-tiny'), '--no-daemon'];
    const { code, stderr } = await run('codec', 'encode', file, ...args);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/is no Encodec model/)]);
  });

  test('refuses codes that the codebooks do not have, and says which', async () => {
    const json = join(home.folder, 'codes.json');
    const { codes, samples } = longest('mimi-tiny');
    writeFileSync(json, JSON.stringify({ samples, codes: codes.map((list) => list.map(() => 9999)) }));
    const args = ['--output', join(home.folder, 'out.wav'), '--model', codecDir('mimi-tiny'), '--no-daemon'];
    const { code, stderr } = await run('codec', 'decode', json, ...args);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/9999/)]);
  });

  test.each([
    ['mimi-tiny', 8],
    ['snac-24khz', 3],
  ] as const)('describes %s, with the bit rate of its codebooks', async (name, codebooks) => {
    const { code, stdout } = await run('codec', 'info', '--model', codecDir(name), '--json');
    expect(code).toBe(0);
    const info = JSON.parse(stdout) as Record<string, number>;
    expect(info.codebooks).toBe(codebooks);
    const { samples, codes } = longest(name);
    const bits = codes.reduce((sum, list) => sum + list.length * Math.log2(info.codebookSize ?? NaN), 0);
    // The last frame may be longer than the audio.
    const seconds = samples / (info.sampleRate ?? NaN);
    expect(info.bitsPerSecond).toBeGreaterThan((0.7 * bits) / seconds);
    expect(info.bitsPerSecond).toBeLessThanOrEqual(bits / seconds);
  });

  test.each([
    ['3.2', 16],
    ['9.2', undefined],
  ] as const)(
    'the included codec keeps the words at %s kbit/s, without any setup',
    async (kbps, codebooks) => {
      const clip = join(packageRoot, 'assets/speech/jfk.flac');
      const [json, out] = [join(home.folder, 'codes.json'), join(home.folder, 'out.wav')];
      const fewer = codebooks === undefined ? [] : ['--codebooks', String(codebooks)];
      const encoded = await run('codec', 'encode', clip, '--output', json, '--no-daemon', ...fewer);
      expect([encoded.code, encoded.stderr]).toEqual([0, expect.stringContaining(`→ ${json}`)]);
      const file = JSON.parse(readFileSync(json, 'utf8')) as {
        model: string;
        samples: number;
        codes: number[][];
      };
      expect([file.model, file.codes.length]).toEqual(['lyra-v2', codebooks ?? 46]);
      const bits = 4 * file.codes.reduce((sum, list) => sum + list.length, 0);
      expect(((bits / file.samples) * 16).toFixed(1)).toBe(kbps);

      const decoded = await run('codec', 'decode', json, '--output', out, '--no-daemon');
      expect([decoded.code, decoded.stderr]).toEqual([0, expect.stringContaining(`→ ${out}`)]);
      const options = ['--model', starterModel(), '--language', 'en', '--format', 'text', '--no-daemon'];
      const { stdout } = await run('transcribe', out, ...options);
      expect(stdout.toLowerCase().replace(/[^a-z ]/g, '')).toContain(
        'not what your country can do for you ask what you can do for your country',
      );
    },
  );

  test('describes the included codec', async () => {
    const { code, stdout } = await run('codec', 'info', '--json');
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      expect.objectContaining({ model: 'lyra-v2', family: 'lyra', sampleRate: 16_000, bitsPerSecond: 9200 }),
    ]);
  });
});
