import { describe, expect, test } from '@jest/globals';
import { LANGUAGE_CODES } from '#daemon/models/whisper/language/whisper-languages.js';
import { languagesOf as parakeetLanguages } from '#daemon/models/parakeet/parakeet-languages.js';
import { parseConfig } from '#daemon/models/nemotron/nemotron-config.js';
import { languagesOf as nemotronLanguages } from '#daemon/models/nemotron/nemotron-languages.js';
import { Nemotron } from '#daemon/models/nemotron/nemotron-network.js';
import { CATALOGUE, catalogueEntry, licenseText } from '#daemon/store/catalogue/index.js';
import { isModelName, parseRepo } from '#daemon/store/download/model-source.js';

const encoder_config = {
  num_mel_bins: 128,
  scale_input: false,
  attention_bias: false,
  convolution_bias: false,
};
const NEMOTRON_ENGLISH = parseConfig({ model_type: 'nemotron_asr_streaming', encoder_config });
const NEMOTRON_3_5 = parseConfig({ model_type: 'nemotron3_5_asr', encoder_config });

describe('the catalogue', () => {
  test('has each size of Whisper, turbo and distilled models', () => {
    const names = CATALOGUE.map(({ name }) => name);
    for (const size of ['tiny', 'base', 'small', 'medium', 'large-v3', 'large-v3-turbo']) {
      for (const form of ['', '-8bit', '-4bit']) expect(names).toContain(`whisper-${size}${form}`);
    }
    expect(names).toContain('distil-large-v3');
  });

  test('has no duplicate names', () => {
    const all = CATALOGUE.flatMap(({ name, aliases }) => [name, ...aliases]);
    expect(new Set(all).size).toBe(all.length);
  });

  test.each(CATALOGUE.map((entry) => [entry.name, entry] as const))('%s is plausible', (name, entry) => {
    expect(isModelName(name)).toBe(true);
    expect(parseRepo(entry.repo)?.repo).toBe(entry.repo);
    if (entry.revision !== undefined) expect(entry.revision).toMatch(/^([0-9a-f]{40}|refs\/pr\/\d+)$/);
    if (entry.bytesSource === 'published') expect(entry.revision).toBeDefined();
    // Between 4 bits and the 32 of OpenAI's own files.
    expect(entry.bytes / entry.parameters).toBeGreaterThan(0.5);
    expect(entry.bytes / entry.parameters).toBeLessThan(4.1);
    expect(entry.memoryBytes).toBeGreaterThan(entry.parameters * 0.5);
    expect(entry.title).toMatch(/Whisper|Moonshine|Parakeet|Wav2Vec2|MMS|Nemotron/);
  });

  test('finds by name and alias, ignoring case', () => {
    expect(catalogueEntry('Turbo')?.name).toBe('whisper-large-v3-turbo');
    expect(catalogueEntry('turbo-4bit')?.name).toBe('whisper-large-v3-turbo-4bit');
    expect(catalogueEntry('whisper-tiny.en')?.languages).toEqual(['en']);
    expect(catalogueEntry('turbo-3bit')).toBeUndefined();
  });
});

test('each model says what it is for and under which license', () => {
  for (const { name, tasks, license } of CATALOGUE) {
    expect([name, tasks.length > 0]).toEqual([name, true]);
    expect([name, license]).toEqual([name, expect.stringMatching(/^[A-Za-z0-9.-]+$/)]);
  }
  expect(licenseText({ license: 'MIT' })).toBe('MIT');
  expect(licenseText({ license: 'CC-BY-NC-4.0', isNonCommercial: true })).toBe(
    'CC-BY-NC-4.0 (no commercial use)',
  );
});

test('MMS is named as non-commercial, and nothing else is', () => {
  const found = CATALOGUE.filter(({ isNonCommercial }) => isNonCommercial === true);
  expect(found.map(({ name, license }) => [name, license])).toEqual([['mms-1b-all', 'CC-BY-NC-4.0']]);
  for (const { license, isNonCommercial } of CATALOGUE) {
    expect(isNonCommercial === true).toBe(license.includes('-NC-'));
  }
});

test.each([
  ['parakeet-tdt-0.6b-v3', parakeetLanguages({ tokens: 8192 })],
  ['parakeet-tdt-0.6b-v2', parakeetLanguages({ tokens: 1024 })],
  ['nemotron-speech-streaming-en-0.6b', nemotronLanguages(NEMOTRON_ENGLISH)],
  ['nemotron-3.5-asr-streaming-0.6b', nemotronLanguages(NEMOTRON_3_5)],
  ['whisper-base', LANGUAGE_CODES.slice(0, 99)],
  ['whisper-large-v3', LANGUAGE_CODES],
  ['whisper-large-v3-turbo', LANGUAGE_CODES],
  ['whisper-base.en', ['en']],
])('%s has the languages that its family reads', (name, languages) => {
  expect(catalogueEntry(name)?.languages).toEqual(languages);
});

test.each([
  ['nemotron-speech-streaming-en-0.6b', NEMOTRON_ENGLISH],
  ['nemotron-3.5-asr-streaming-0.6b', NEMOTRON_3_5],
])('%s has the parameters of its network', (name, config) => {
  using network = new Nemotron(config);
  const counts = [...network.namedParameters().values()].map(({ size }) => size);
  expect(catalogueEntry(name)?.parameters).toBe(counts.reduce((sum, count) => sum + count, 0));
});
