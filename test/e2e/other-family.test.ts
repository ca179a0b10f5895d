/**
 * A family that is not Whisper works everywhere without a change outside its folder and its registry row: in the library,
 * the engine, the daemon, on the socket, on the command line and over HTTP.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { Agent, request } from 'undici';
import { encodeAll } from '#daemon/models/encode-all.js';
import { openAudio } from '#daemon/audio/decode-file.js';
import { SottoClient } from '#daemon/client/index.js';
import { footprintOf, loadModel, loadRecognizer, registerFamily } from '#daemon/models/registry.js';
import { asCodec, asSynthesizer } from '#daemon/models/speech-model.js';
import { describeWithEngine } from '#test/harness/real-engine.js';
import { launcher, sotto, type SottoResult } from '#test/harness/run-sotto.js';
import { makeToneModel, toneFamily } from '#test/harness/tone-family/tone-family.js';
import { withHome } from '#test/harness/with-home.js';

const TEXT = 'Good morning, engine.';
/** Samples of the model’s 10 ms for a character. */
const SAMPLES = TEXT.length * 160;
const module = (name: string): string =>
  fileURLToPath(new URL(`../harness/tone-family/${name}.js`, import.meta.url));
const engine = module('tone-engine');
const { signal } = new AbortController();

registerFamily(toneFamily);

describeWithEngine()('a family that is not Whisper', () => {
  const home = withHome();
  let model: string;
  let wav: string;
  beforeEach(() => {
    model = makeToneModel(home.paths.models, 'tone');
    wav = join(home.folder, 'spoken.wav');
    const models = { speak: 'tone', codec: 'tone' };
    writeFileSync(home.paths.settings, JSON.stringify({ model: 'tone', models }));
  });

  const run = (...args: string[]): Promise<SottoResult> =>
    sotto(args, {
      home: home.folder,
      env: { SOTTO_ENGINE: engine, SOTTO_MODEL_TOOL: module('tone-model-tool') },
    });

  async function spokenFile(...more: string[]): Promise<string> {
    const { code, stderr } = await run('speak', TEXT, '--output', wav, ...more);
    expect([code, stderr]).toEqual([0, `→ ${wav}: 0:00 of audio\n`]);
    return wav;
  }

  test('in the library', async () => {
    await expect(footprintOf(model)).resolves.toEqual({ weightBytes: 1_000, workBytes: 1_000 });
    await spokenFile('--no-daemon');
    const recognizer = await loadRecognizer(model);
    const audio = await openAudio(wav);
    const texts: string[] = [];
    for await (const event of recognizer.transcribe(audio, {}, signal))
      if (event.type === 'segment') texts.push(event.segment.text.trim());
    expect(texts).toEqual([TEXT]);
    const codec = asCodec(await loadModel(model));
    const encoded = await encodeAll(codec, await openAudio(wav), {}, signal);
    expect(encoded).toMatchObject({ samples: SAMPLES, codes: [[...TEXT].map((one) => one.charCodeAt(0))] });
    const spoken: number[] = [];
    for await (const { samples } of asSynthesizer(codec).synthesize(TEXT, {}, signal))
      spoken.push(...samples);
    const decoded: number[] = [];
    for await (const samples of codec.decode(encoded, signal)) decoded.push(...samples);
    expect(decoded).toEqual(spoken);
  });

  describe('on the command line', () => {
    test.each([[[]], [['--no-daemon']]])('speaks a file and transcribes it (%j)', async (where: string[]) => {
      await spokenFile(...where);
      expect(statSync(wav).size).toBe(58 + 2 * SAMPLES);
      const { code, stdout } = await run('transcribe', wav, '--format', 'json', ...where);
      expect(code).toBe(0);
      const { text, segments } = JSON.parse(stdout) as { text: string; segments: object[] };
      expect(text).toBe(TEXT);
      // What only Whisper knows is absent.
      expect(Object.keys(segments[0] ?? {}).sort()).toEqual(['end', 'start', 'text']);
    });

    test('speaks a file and stdin to a pipe, as float if asked', async () => {
      await spokenFile('--float');
      const text = join(home.folder, 'letter.txt');
      writeFileSync(text, `${TEXT}\n`);
      const piped = (script: string): Buffer =>
        execFileSync('/bin/sh', ['-c', script], {
          env: {
            ...process.env,
            SOTTO_HOME: home.folder,
            SOTTO_ENGINE: engine,
            SOTTO: launcher,
            LETTER: text,
          },
        });
      const [file, stdin] = ['--file "$LETTER"', '- < "$LETTER"'].map((args) =>
        piped(`node "$SOTTO" speak --float ${args}`),
      );
      // The lengths in the header are unknown to a pipe.
      const samples = readFileSync(wav).subarray(58);
      expect(samples).toHaveLength(4 * SAMPLES);
      expect(file?.subarray(58)).toEqual(samples);
      expect(stdin?.subarray(58)).toEqual(samples);
      const empty = await run('speak', '  ', '--output', join(home.folder, 'empty.wav'));
      expect([empty.code, empty.stderr]).toEqual([2, expect.stringContaining('there is no text to speak')]);
    });

    test('writes audio in the format of the file’s extension', async () => {
      const codes = join(home.folder, 'codes.json');
      await spokenFile();
      expect((await run('codec', 'encode', wav, '--output', codes)).code).toBe(0);
      for (const extension of ['flac', 'mp3', 'opus']) {
        const [spoken, decoded] = ['spoken', 'decoded'].map((name) =>
          join(home.folder, `${name}.${extension}`),
        );
        expect((await run('speak', TEXT, '-o', spoken ?? '')).code).toBe(0);
        expect((await run('codec', 'decode', codes, '-o', decoded ?? '')).code).toBe(0);
        for (const path of [spoken, decoded]) {
          let samples = 0;
          const audio = await openAudio(path ?? '');
          for await (const part of audio.samples) samples += part.length;
          await audio.close();
          expect([path, samples]).toEqual([path, SAMPLES]);
        }
      }
    });

    test('refuses a format before any work, and leaves nothing behind', async () => {
      const files = readdirSync(home.folder);
      const at = (name: string): string => join(home.folder, name);
      const m4a = await run('speak', TEXT, '-o', at('x.m4a'));
      expect([m4a.code, m4a.stderr]).toEqual([
        2,
        'sotto: audio can’t be written as .m4a — name a .wav, .flac, .mp3 or .opus file\n',
      ]);
      const float = await run('codec', 'decode', 'none.json', '--float', '-o', at('x.flac'));
      expect([float.code, float.stderr]).toEqual([
        2,
        'sotto: a .flac file can’t hold float samples — omit --float, or name a .wav file\n',
      ]);
      for (const name of ['x.flac', 'x.mp3', 'x.opus'])
        expect((await run('speak', TEXT, '--voice', 'none', '--no-daemon', '-o', at(name))).code).not.toBe(0);
      expect(readdirSync(home.folder)).toEqual(files);
    });

    test.each([[[]], [['--no-daemon']]])('encodes a file and decodes it (%j)', async (where: string[]) => {
      await spokenFile('--float', ...where);
      const printed = await run('codec', 'encode', wav, '--json', ...where);
      expect(printed.stderr).toBe('');
      const codes = [...TEXT].map((one) => one.charCodeAt(0));
      const expected = { model: 'tone', sampleRate: 16_000, samples: SAMPLES, frames: TEXT.length };
      expect(JSON.parse(printed.stdout)).toEqual({ ...expected, codes: [codes] });
      const [json, decoded] = ['codes.json', 'decoded.wav'].map((name) => join(home.folder, name)) as [
        string,
        string,
      ];
      const written = await run('codec', 'encode', wav, '--output', json, ...where);
      expect(written.stderr).toMatch(/^→ .*codes\.json: 0:00 of audio as 21 codes/);
      expect(readFileSync(json, 'utf8')).toBe(printed.stdout);
      const kept = await run('codec', 'encode', wav, '--output', json, ...where);
      expect([kept.code, kept.stderr]).toEqual([1, expect.stringContaining('codes.json already exists')]);
      const back = await run('codec', 'decode', json, '--output', decoded, '--float', ...where);
      expect([back.code, back.stderr]).toEqual([0, expect.stringContaining('decoded.wav: 0:00 of audio')]);
      expect(readFileSync(decoded)).toEqual(readFileSync(wav));
      const packed = join(home.folder, 'packed.codes');
      expect((await run('codec', 'encode', wav, '--output', packed, ...where)).code).toBe(0);
      expect(statSync(packed).size).toBeLessThan(statSync(json).size);
      const unpacked = join(home.folder, 'unpacked.wav');
      expect((await run('codec', 'decode', packed, '--output', unpacked, '--float', ...where)).code).toBe(0);
      expect(readFileSync(unpacked)).toEqual(readFileSync(wav));
    });

    test('says what a codec can do, and refuses what it can’t', async () => {
      const info = await run('codec', 'info', '--model', 'tone', '--json');
      expect(JSON.parse(info.stdout)).toEqual({
        ...{ model: 'tone', family: 'tone', sampleRate: 16_000 },
        ...{ codebooks: 1, codebookSize: 256, framesPerSecond: 100, bitsPerSecond: 800 },
      });
      await spokenFile();
      const many = await run('codec', 'encode', wav, '--codebooks', '2');
      expect([many.code, many.stderr]).toEqual([2, expect.stringContaining('tone has 1 codebook')]);
      const absent = await run('codec', 'encode', join(home.folder, 'no.wav'));
      expect([absent.code, absent.stderr]).toEqual([1, expect.stringContaining('no.wav')]);
      const other = await run('codec', 'decode', wav, '--output', join(home.folder, 'x.wav'));
      expect([other.code, other.stderr]).toEqual([2, expect.stringContaining('holds no codes')]);
      const whisper = await run('codec', 'info', '--model', 'whisper-base-6bit');
      expect([whisper.code, whisper.stderr]).toEqual([3, expect.stringContaining('can’t encode audio')]);
    });

    test.each([['a daemon'], ['no daemon']])('is chosen for each of its tasks (%s)', async (where) => {
      rmSync(home.paths.settings);
      if (where === 'a daemon') expect((await run('daemon', 'start')).code).toBe(0);
      const none = await run('speak', TEXT, '--output', wav);
      expect([none.code, none.stderr]).toEqual([
        3,
        expect.stringContaining('no model is chosen that speaks'),
      ]);
      const speak = await run('models', 'use', 'tone', '--task', 'speak');
      expect([speak.code, speak.stdout]).toEqual([
        0,
        expect.stringContaining('tone is now the model that speaks'),
      ]);
      await spokenFile();
      const first = await run('models', 'use', 'tone');
      expect(first.stdout).toContain('tone is now the default model');
      expect(JSON.parse(readFileSync(home.paths.settings, 'utf8'))).toEqual({
        model: 'tone',
        models: { speak: 'tone' },
      });
      const list = await run('models', 'list', '--json');
      const { installed } = JSON.parse(list.stdout) as {
        installed: { name: string; [key: string]: unknown }[];
      };
      expect(installed.map(({ name, tasks, chosenFor }) => ({ name, tasks, chosenFor }))).toEqual([
        { name: 'fake', tasks: [], chosenFor: [] },
        {
          name: 'tone',
          tasks: ['transcribe', 'speak', 'codec', 'converse'],
          chosenFor: ['transcribe', 'speak'],
        },
        { name: 'lyra-v2', tasks: ['codec'], chosenFor: ['codec'] },
        { name: 'moonshine-base-6bit', tasks: ['transcribe'], chosenFor: [] },
        { name: 'whisper-base-6bit', tasks: ['transcribe'], chosenFor: [] },
      ]);
      expect((await run('models', 'list')).stdout).toContain('* tone');
      expect((await run('models', 'info', 'tone')).stdout).toMatch(
        /tasks +transcribe, speak, codec, converse/,
      );
      const wrong = await run('models', 'use', 'whisper-base-6bit', '--task', 'speak');
      expect([wrong.code, wrong.stderr]).toEqual([
        3,
        expect.stringContaining('whisper-base-6bit is no model that speaks'),
      ]);
      const removed = await run('models', 'remove', 'tone', '--yes');
      expect(removed.code).toBe(0);
      expect(JSON.parse(readFileSync(home.paths.settings, 'utf8'))).toEqual({});
    });

    test('replaces no file, and says what a model can’t do', async () => {
      writeFileSync(wav, 'other text');
      const kept = await run('speak', TEXT, '--output', wav);
      expect([kept.code, kept.stderr]).toEqual([
        1,
        `sotto: ${wav} already exists — choose another name, or replace it with --overwrite\n`,
      ]);
      expect(readFileSync(wav, 'utf8')).toBe('other text');
      const voice = await run('speak', TEXT, '--voice', 'none', '--output', wav, '--overwrite');
      expect([voice.code, voice.stderr]).toEqual([2, expect.stringContaining('tone has no voice none')]);
      expect(readFileSync(wav, 'utf8')).toBe('other text');
      const replaced = await run('speak', TEXT, '--output', wav, '--overwrite', '--quiet');
      expect([replaced.code, replaced.stderr]).toEqual([0, '']);
      const options = await run('transcribe', wav, '--patience', '2', '--beam-size', '5');
      expect([options.code, options.stderr]).toEqual([
        1,
        expect.stringContaining('the options of whisper don’t fit a tone model'),
      ]);
    });
  });

  test('on the socket and over HTTP', async () => {
    await spokenFile();
    const client = await SottoClient.connect(home.paths.socket, 'test');
    const received: number[] = [];
    for await (const event of client.speech.speak(TEXT))
      if (event.type === 'audio') received.push(...event.samples);
    expect(received).toHaveLength(SAMPLES);
    const codes: number[] = [];
    for await (const event of client.codec.encode(wav))
      if (event.type === 'codes') codes.push(...(event.codes.codes[0] ?? []));
    const decoded: number[] = [];
    for await (const event of client.codec.decode({ codes: [codes], samples: SAMPLES }))
      if (event.type === 'audio') decoded.push(...event.samples);
    expect(decoded).toEqual(received);
    client.close();
    const dispatcher = new Agent({ connect: { socketPath: home.paths.socket } });
    const send = (body: object) =>
      request('http://localhost/v1/audio/speech', {
        dispatcher,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const answer = await send({ model: 'tone', input: TEXT, voice: 'alloy' });
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'audio/wav']);
    const audio = Buffer.from(await answer.body.arrayBuffer());
    expect(audio.subarray(58)).toEqual(readFileSync(wav).subarray(58));
    const pcm = await send({ model: 'tone', input: TEXT, voice: 'alloy', response_format: 'pcm' });
    expect((await pcm.body.arrayBuffer()).byteLength).toBe((2 * SAMPLES * 24_000) / 16_000);
    const openai = await send({ model: 'tts-1', input: TEXT, voice: 'alloy' });
    expect([openai.statusCode, openai.headers['x-sotto-model']]).toEqual([200, 'tone']);
    await openai.body.dump();
    const models = await request('http://localhost/v1/models', { dispatcher });
    const { data } = (await models.body.json()) as { data: { id: string }[] };
    const included = ['lyra-v2', 'moonshine-base-6bit', 'whisper-base-6bit'];
    expect(data.map(({ id }) => id)).toEqual(['whisper-1', 'tts-1', 'fake', 'tone', ...included]);
    const refused = await send({ model: 'tone', input: TEXT, voice: 'none' });
    expect(refused.statusCode).toBe(400);
    expect(await refused.body.json()).toMatchObject({ error: { code: 'INVALID_ARGUMENT' } });
    await dispatcher.destroy();
  });
});
