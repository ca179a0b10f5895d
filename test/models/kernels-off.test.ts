/** Compares the whole model on our CPU kernels and on MLX's ops. */
import { expect } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { testUnless } from '#test/harness/skipping.js';
import { root } from './model-fixtures.js';

/** Transcribes in a separate process with the kernels of `isa`. */
function transcribed(isa: string): { kernels: string; tokens: number[][]; logprobs: number[] } {
  const script = `
    import { mx } from '#native/index.js';
    import { load, PLAIN, starterModel, transcribeFile } from './dist/test/bench/in-process.js';
    mx.setDefaultDevice('cpu');
    const model = await load(starterModel());
    const { result } = await transcribeFile(model, 'assets/speech/jfk.flac', PLAIN);
    model.dispose();
    const tokens = result.segments.map((segment) => segment.tokens);
    const logprobs = result.segments.map((segment) => segment.details.whisper.avgLogprob);
    console.log(JSON.stringify({ kernels: mx.cpu.instructionSet(), tokens, logprobs }));`;
  const stdout = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: root,
    env: { ...process.env, SOTTO_CPU_ISA: isa },
    encoding: 'utf8',
  });
  return JSON.parse(stdout) as ReturnType<typeof transcribed>;
}

const onLinux = process.platform === 'linux';
const inLinuxBuild = testUnless(onLinux ? undefined : 'no CPU kernels: they are part of the Linux build');

inLinuxBuild(
  'native kernels, portable kernels and MLX’s ops (SOTTO_CPU_ISA=none) give the same tokens',
  () => {
    const [best, portable, plain] = ['avx512', 'baseline', 'none'].map(transcribed);
    expect(plain?.kernels).toBe('none');
    expect(portable?.kernels).toBe('baseline');
    expect(best?.tokens.flat().length).toBeGreaterThan(20);
    expect(best?.tokens).toEqual(plain?.tokens);
    expect(portable?.tokens).toEqual(plain?.tokens);
    expect(plain?.logprobs).toHaveLength(plain?.tokens.length ?? NaN);
    for (const [i, logprob] of (plain?.logprobs ?? []).entries())
      expect(best?.logprobs[i]).toBeCloseTo(logprob, 3);
  },
);
