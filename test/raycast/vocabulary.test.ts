import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { rampText, SECOND } from '#test/harness/ramp.js';
import { describeUnless } from '#test/harness/skipping.js';
import { whyNotBuilt } from './build-extension.js';
import type { RunningCommand } from './running-command.js';
import { sottoHarness } from './sotto-harness.js';
import { walk, textOf } from './tree.js';

const reason = await whyNotBuilt();

describeUnless(reason)('Vocabulary', () => {
  const harness = sottoHarness();
  const kept = async (): Promise<unknown> => JSON.parse(await harness.sotto('vocabulary', 'list', '--json'));

  function titles(command: RunningCommand): string[] {
    const { tree } = command;
    return tree === undefined
      ? []
      : [...walk(tree)].filter(({ type }) => type === 'List.Item').map((item) => textOf(item, 'title'));
  }

  /** Runs an action that opens a form, and waits for it. */
  async function open(command: RunningCommand, title: string, field: string): Promise<void> {
    await command.act(title);
    await command.until((tree) => [...walk(tree)].some(({ props }) => props.id === field));
  }

  test('adds, edits and lists words and replacements', async () => {
    const command = harness.raycast({}).launch('vocabulary');
    await command.untilText('No Words Yet');
    await open(command, 'Add Word', 'from');
    await command.fill('from', 'Nguyen');
    await command.act('Add Word');
    await command.until(() => titles(command).includes('Nguyen'));
    await open(command, 'Add Replacement', 'to');
    await command.fill('from', 'new line');
    await command.fill('to', '\\n');
    await command.act('Add Replacement');
    await command.untilText('→ ⏎');
    expect(await kept()).toEqual({ words: ['Nguyen'], replacements: [{ from: 'new line', to: '\n' }] });

    await command.select('Nguyen');
    await open(command, 'Edit', 'from');
    await command.fill('from', 'Nguyễn');
    await command.act('Save Word');
    await command.until(() => titles(command).includes('Nguyễn'));
    await command.choose('replacements');
    await command.until(() => titles(command).join() === 'new line');
  });

  test('keeps the form open if the word is missing', async () => {
    const command = harness.raycast({}).launch('vocabulary');
    await command.untilText('No Words Yet');
    await open(command, 'Add Word', 'from');
    await command.act('Add Word');
    await command.until((tree) => [...walk(tree)].some(({ props }) => props.error === 'Enter a word'));
    await command.back();
    await command.untilText('No Words Yet');
  });

  test('deletes after confirmation, and restores', async () => {
    await harness.sotto('vocabulary', 'add', 'Nguyen', 'Hopper');
    const host = harness.raycast({});
    const command = host.launch('vocabulary');
    await command.until(() => titles(command).length === 2);
    host.desktop.confirmAnswer = false;
    await command.select('Nguyen');
    await command.act('Delete');
    expect(titles(command)).toHaveLength(2);
    host.desktop.confirmAnswer = true;
    await command.act('Delete');
    await command.until(() => titles(command).join() === 'Hopper');
    await command.select('Hopper');
    await command.act('Undo Delete');
    await command.until(() => titles(command).length === 2);
    expect(command.actions()).not.toContain('Undo Delete');
  });

  test('shows a concurrent change and does not overwrite it', async () => {
    await harness.sotto('vocabulary', 'add', 'Nguyen');
    const host = harness.raycast({});
    const command = host.launch('vocabulary');
    await command.until(() => titles(command).length === 1);
    await open(command, 'Edit', 'from');
    await command.fill('from', 'Nguyễn');
    await harness.sotto('vocabulary', 'add', 'Hopper');
    await command.act('Save Word');
    expect(host.desktop.callsTo('toast')).toContainEqual(
      expect.objectContaining({ title: 'The vocabulary has changed meanwhile' }),
    );
    expect(await kept()).toMatchObject({ words: ['Nguyen', 'Hopper'] });
    await command.act('Save Word');
    await command.until(() => titles(command).join() === 'Hopper,Nguyễn');
  });

  test('imports a file, and exports without overwriting', async () => {
    const home = harness.paths.home;
    const host = harness.raycast({}, { env: { HOME: home } });
    const command = host.launch('vocabulary');
    await command.untilText('No Words Yet');
    const file = join(home, 'names.csv');
    writeFileSync(file, 'from;to\nsean;Shaun\nNguyen;\n');
    await open(command, 'Import from File…', 'files');
    await command.fill('files', [file]);
    await command.act('Import');
    await command.until(() => titles(command).join() === 'Nguyen,sean');
    await command.act('Export as CSV');
    await command.act('Export as CSV');
    const folder = join(home, 'Downloads');
    expect(readdirSync(folder).sort()).toEqual(['Sotto Vocabulary 2.csv', 'Sotto Vocabulary.csv']);
    expect(readFileSync(join(folder, 'Sotto Vocabulary.csv'), 'utf8')).toContain('replacement,sean,Shaun');
  });

  test('reports a corrupt file and leaves it unchanged', async () => {
    writeFileSync(harness.paths.vocabulary, '{"words": 3}');
    const host = harness.raycast({});
    const command = host.launch('vocabulary');
    await command.untilText('Couldn’t Load Vocabulary');
    await command.act('Show File in Finder');
    expect(host.desktop.callsTo('showInFinder')).toEqual([harness.paths.vocabulary]);
    writeFileSync(harness.paths.vocabulary, '{"words": ["Nguyen"]}');
    await command.act('Try Again');
    await command.until(() => titles(command).join() === 'Nguyen');
  });

  test('adds the selected word and its replacement', async () => {
    const host = harness.raycast({});
    host.desktop.selectedText = ' “Nguyen”,\n';
    const command = host.launch('add-to-vocabulary');
    await command.until((tree) =>
      [...walk(tree)].some(({ props }) => props.id === 'word' && props.defaultValue === 'Nguyen'),
    );
    await command.fill('recognized', 'win');
    await command.act('Add Word');
    expect(await kept()).toEqual({ words: ['Nguyen'], replacements: [{ from: 'win', to: 'Nguyen' }] });
    expect(host.desktop.callsTo('hud')).toEqual(['Added “Nguyen”']);
  });

  test('lets the user type a word if nothing is selected', async () => {
    const command = harness.raycast({}).launch('add-to-vocabulary');
    await command.untilText('Sotto Heard');
    await command.fill('word', 'Grace Hopper');
    await command.act('Add Word');
    expect(await kept()).toEqual({ words: ['Grace Hopper'], replacements: [] });
  });

  test('shows replacements during a dictation', async () => {
    await harness.sotto('vocabulary', 'replace', rampText(SECOND), 'Shaun');
    const command = harness.raycast({ samples: 60 * SECOND, pauseMs: 20 }).launch('dictate');
    await command.until((tree) => textOf(tree, 'markdown').includes('Shaun'));
    expect(command.actions()).toContain('Finish and Paste');
  });

  test('applies a word added during a dictation', async () => {
    const [first = '', ...rest] = rampText(3 * SECOND).split(' ');
    const host = harness.raycast({ samples: 3 * SECOND });
    const command = host.launch('dictate');
    await command.untilText('0:03');
    await open(command, 'Add Word to Vocabulary', 'recognized');
    await command.fill('word', 'Shaun');
    await command.fill('recognized', first);
    await command.act('Add Word');
    await command.until(() => command.actions().includes('Finish and Paste'));
    await command.act('Finish and Paste');
    await command.done();
    expect(host.desktop.pasted).toBe(['Shaun', ...rest].join(' '));
    expect(await kept()).toEqual({ words: ['Shaun'], replacements: [{ from: first, to: 'Shaun' }] });
  });

  test('pastes with replacements', async () => {
    const [first = '', ...rest] = rampText(2 * SECOND).split(' ');
    await harness.sotto('vocabulary', 'replace', first, 'Shaun');
    const host = harness.raycast({ samples: 2 * SECOND });
    const command = host.launch('dictate');
    await command.untilText('0:02');
    await command.act('Finish and Paste');
    await command.done();
    expect(host.desktop.pasted).toBe(['Shaun', ...rest].join(' '));
  });
});
