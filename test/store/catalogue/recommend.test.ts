/** Which model is recommended for which machine. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { appleChip, assumedGflops } from '#daemon/store/catalogue/chips.js';
import {
  CATALOGUE,
  catalogueEntry,
  recommendedFor,
  recommendedLanguages,
  recommendedModel,
  recommendedSizes,
  thisMachine,
} from '#daemon/store/catalogue/index.js';
import { decodeStepSeconds } from '#daemon/store/catalogue/decode-step-seconds.js';
import { gflopsOf } from '#daemon/store/catalogue/machine.js';
import { MAX_DECODE_STEP_SECONDS } from '#daemon/store/catalogue/recommend.js';

const GB = 2 ** 30;
const folder = mkdtempSync(join(tmpdir(), 'sotto-recommend-'));
const none = join(folder, 'none.json');
afterAll(() => rmSync(folder, { recursive: true }));

const machine = (text: string) => thisMachine(none, { SOTTO_MACHINE: text });
const best = (text: string): string => recommendedModel(machine(text)).name;

test.each([
  ['8GB,M1', 'whisper-small'],
  ['16GB,M1', 'whisper-small'],
  ['8GB,M2', 'whisper-large-v3-turbo-4bit'],
  ['16GB,M2', 'whisper-large-v3-turbo-8bit'],
  ['16GB,M1 Pro', 'whisper-large-v3-turbo-8bit'],
  ['18GB,M3 Pro', 'whisper-large-v3-turbo'],
  ['64GB,M4 Max', 'whisper-large-v3-turbo'],
  // Newer than the table.
  ['16GB,M9', 'whisper-large-v3-turbo-8bit'],
  ['96GB,M9 Ultra', 'whisper-large-v3-turbo'],
  // An unknown GPU, as in the Store's pictures.
  ['24GB,gpu', 'whisper-large-v3-turbo'],
  ['4GB,gpu', 'whisper-base'],
  ['1GB,gpu', 'whisper-tiny'],
  // No GPU, with any memory.
  ['64GB', 'whisper-base'],
  // The measured speed counts, not the chip's.
  ['16GB,M1,2600GFLOPS', 'whisper-large-v3-turbo-8bit'],
  ['64GB,M4 Max,900GFLOPS', 'whisper-small'],
  ['16GB,M1,200GFLOPS', 'whisper-base'],
  // No model keeps up: the smallest.
  ['16GB,M1,10GFLOPS', 'whisper-tiny'],
])('%s: %s', (text, name) => {
  expect(best(text)).toBe(name);
});

test('a model above the decode step limit is not recommended, the best one below it is', () => {
  for (const text of ['8GB,M1', '16GB,M1', '18GB,M3 Pro', '64GB,M4 Max,900GFLOPS']) {
    expect(decodeStepSeconds(recommendedModel(machine(text)), gflopsOf(machine(text)))).toBeLessThanOrEqual(
      MAX_DECODE_STEP_SECONDS,
    );
  }
  const turbo = catalogueEntry('turbo-4bit');
  expect(turbo && decodeStepSeconds(turbo, gflopsOf(machine('16GB,M1')))).toBeGreaterThan(
    MAX_DECODE_STEP_SECONDS,
  );
});

test('each language has its model, with the others left to the recommended one', () => {
  const found = recommendedLanguages(machine('16GB,M2'));
  expect(found.get('parakeet-tdt-0.6b-v2')).toEqual(['en']);
  expect(found.get('parakeet-tdt-0.6b-v3')).toHaveLength(17);
  expect([...found.keys()]).toEqual(['parakeet-tdt-0.6b-v2', 'parakeet-tdt-0.6b-v3']);
  // Their float16 form is too large.
  expect([...recommendedLanguages(machine('8GB,M2')).keys()]).toEqual([]);
  expect([...recommendedLanguages(machine('64GB')).keys()]).toEqual(['whisper-base.en']);
});

test('a model that forbids commercial use is never recommended', () => {
  const machines = ['8GB', '16GB,M1', '64GB,M4 Max'].map(machine);
  for (const { name, languages, isNonCommercial } of CATALOGUE) {
    if (isNonCommercial !== true) continue;
    expect(machines.map((one) => recommendedModel(one).name)).not.toContain(name);
    for (const language of ['en', 'de', 'sw', ...languages]) {
      for (const one of machines) expect(recommendedFor(one, language)?.name).not.toBe(name);
    }
  }
});

test('smaller sizes are listed with it, larger ones are not', () => {
  expect(recommendedSizes(machine('16GB,M1')).map(({ name }) => name)).toEqual([
    'whisper-small',
    'whisper-base',
    'whisper-tiny',
  ]);
});

describe('the machine', () => {
  test('is what SOTTO_MACHINE says', () => {
    expect(machine('24GB,gpu')).toEqual({ memoryBytes: 24 * GB, hasGpu: true });
    expect(machine('8GB')).toEqual({ memoryBytes: 8 * GB, hasGpu: false });
    expect(machine('18GB,M3 Pro')).toEqual({ memoryBytes: 18 * GB, hasGpu: true, chip: 'M3 Pro' });
    expect(machine('16GB,M1,900GFLOPS')).toEqual({
      memoryBytes: 16 * GB,
      hasGpu: true,
      chip: 'M1',
      measuredGflops: 900,
    });
    for (const text of ['', 'GB', '-1GB', '24GB,gpus', '24', '8GB,M1 Mini', '8GB,900GFLOPS'])
      expect(machine(text)).toEqual(thisMachine(none, {}));
  });

  test('has its measured speed', () => {
    const chip = appleChip();
    const file = join(folder, 'machine.json');
    writeFileSync(file, JSON.stringify({ chip: chip ?? null, gflops: 1234 }));
    expect(thisMachine(file, {}).measuredGflops).toBe(1234);
    expect(thisMachine(none, {}).measuredGflops).toBeUndefined();
  });

  test.each([
    ['Apple M1', 'M1'],
    ['Apple M3 Pro', 'M3 Pro'],
    ['Apple M2 Ultra', 'M2 Ultra'],
    ['Apple M1 (Virtual)', 'M1'],
    ['Intel(R) Xeon(R) Processor', undefined],
    ['', undefined],
  ])('with a processor named "%s" has the chip %s', (model, chip) => {
    expect(appleChip(model)).toBe(chip);
  });

  test('an unknown chip is as fast as the newest known one of its kind', () => {
    expect(assumedGflops('M7 Pro')).toBe(assumedGflops('M4 Pro'));
    expect(assumedGflops('M7')).toBe(assumedGflops('M4'));
    expect(assumedGflops('M7 Ultra')).toBe(assumedGflops('M4 Max'));
    expect(assumedGflops('M1')).toBeLessThan(assumedGflops('M1 Pro'));
  });
});
