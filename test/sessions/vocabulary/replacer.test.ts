import { describe, expect, test } from '@jest/globals';
import { Replacer } from '#daemon/sessions/vocabulary/replacer.js';
import { applyReplacements } from '#daemon/sessions/vocabulary/apply-replacements.js';

function written(text: string, rules: Readonly<Record<string, string>>): string {
  const replacements = Object.entries(rules).map(([from, to]) => ({ from, to }));
  return applyReplacements(new Replacer(replacements), text);
}

describe('a replacement', () => {
  test.each([
    ['I met Sean. What do you mean?', 'I met Shaun. What do you mean?'],
    ['seance, Seans, Rossean, sean1, sean_b', 'seance, Seans, Rossean, sean1, sean_b'],
    ['(sean) “sean”, sean! sean', '(Shaun) “Shaun”, Shaun! Shaun'],
    ['Sean’s, Sean-Paul, Sean/Ann', 'Shaun’s, Shaun-Paul, Shaun/Ann'],
    ['séan and ŝean stay', 'séan and ŝean stay'],
    ['', ''],
  ])('matches whole words: %s', (text, expected) => {
    expect(written(text, { sean: 'Shaun' })).toBe(expected);
  });

  test('does not match inside a contraction', () => {
    expect(written("I can, you can't; CAN’T", { can: 'may' })).toBe("I may, you can't; CAN’T");
    expect(written("we're, we’ll", { we: 'they' })).toBe("they're, they’ll");
    expect(written("I don't know", { 'don’t': 'do not' })).toBe('I do not know');
  });

  test('may be several words, with any white space between them', () => {
    expect(written('com fi, Com  fi, com\nfi; comfi', { 'com fi': 'ComfyUI' })).toBe(
      'ComfyUI, ComfyUI, ComfyUI; comfi',
    );
  });

  test('may consist of signs, or end with them', () => {
    expect(written('C sharp and c++ and c', { 'c sharp': 'C#', 'C++': 'Cpp' })).toBe('C# and Cpp and c');
    expect(written('a (b) [c] a.b a*b', { '(b)': 'x', 'a.b': 'y', 'a*b': 'z' })).toBe('a x [c] y z');
  });

  test('matches in scripts without spaces between words, and next to them', () => {
    expect(written('我用康菲界面和sean画画', { 康菲界面: 'ComfyUI', sean: 'Shaun' })).toBe(
      '我用ComfyUI和Shaun画画',
    );
    expect(written('ソットを使う', { ソット: 'Sotto' })).toBe('Sottoを使う');
    expect(written('привет, Приветствие', { привет: 'здравствуйте' })).toBe('здравствуйте, Приветствие');
  });

  test('ignores the composition of accents, and the form of a last letter', () => {
    expect(written('Cafe\u0301 Mu\u0308ller', { CAFÉ: 'x', müller: 'Möller' })).toBe('Cafe\u0301 Möller');
    expect(written('ΟΔΟΣ, οδος, οδός', { οδός: 'δρόμος' })).toBe('ΟΔΟΣ, οδος, δρόμος');
    expect(written('ΟΔΟΣ, οδος, Οδοσ', { οδος: 'way' })).toBe('WAY, way, Way');
    expect(written('STRASSE', { straße: 'Weg' })).toBe('WEG');
  });

  test('is the longest that fits, once, and never within replaced text', () => {
    const rules = { new: 'old', 'new york': 'New Amsterdam', amsterdam: 'Rotterdam', old: 'new' };
    expect(written('new york, new, old, amsterdam', rules)).toBe('New Amsterdam, old, new, Rotterdam');
  });
});

describe('case', () => {
  test.each([
    ['sean Sean SEAN sEAN', { sean: 'Shaun' }, 'Shaun Shaun SHAUN Shaun'],
    ['btw, Btw, BTW', { btw: 'by the way' }, 'by the way, By the way, BY THE WAY'],
    ['Iphone and IPHONE', { iphone: 'iPhone' }, 'iPhone and IPHONE'],
    // It changes only the spelling.
    ['Adidas makes shoes', { adidas: 'adidas' }, 'adidas makes shoes'],
    ['I, A, i', { i: 'you' }, 'You, A, you'],
    ['Élan, élan', { élan: 'verve' }, 'Verve, verve'],
  ])('%s', (text, rules, expected) => {
    expect(written(text, rules)).toBe(expected);
  });

  test('an acronym is replaced only in capitals, and as given', () => {
    expect(written('US and us, Us', { US: 'United States' })).toBe('United States and us, Us');
    expect(written('ASAP, asap', { ASAP: 'soon', asap: 'later' })).toBe('soon, later');
  });

  test('the new text is literal', () => {
    expect(written('price', { price: '$& $1 $$ \\n' })).toBe('$& $1 $$ \\n');
  });
});

describe('the text around it', () => {
  test('a line break removes the space before it and the full stop after it', () => {
    const rules = { 'new line': '\n', 'new paragraph': '\n\n' };
    expect(written('Dear Anna, new line how are you? New paragraph. Yours', rules)).toBe(
      'Dear Anna,\nhow are you?\n\nYours',
    );
  });

  test('a sign attaches as such a sign does', () => {
    const rules = { 'full stop': '.', 'open bracket': '(', 'close bracket': ')' };
    expect(written('one full stop open bracket two close bracket three', rules)).toBe('one. (two) three');
  });

  test('removed text leaves no gap', () => {
    const rules = { um: '' };
    expect(written('Um, so we um went, um, home um.', rules)).toBe('So we went, home.');
    expect(written('I think um', rules)).toBe('I think');
    expect(written('um', rules)).toBe('');
    expect(written(' Um, yes', rules)).toBe(' Yes');
    expect(written('Yes. Um, no', rules)).toBe('Yes. No');
  });
});

test('a thousand rules are fast enough', () => {
  const rules = Array.from({ length: 1_000 }, (_, i) => ({ from: `name${i} of${i}`, to: `N${i}` }));
  const replacer = new Replacer(rules);
  const text = Array.from({ length: 2_000 }, (_, i) => `name${i} of${i}`).join(' and ');
  expect(applyReplacements(replacer, text).slice(0, 16)).toBe('N0 and N1 and N2');
  expect(replacer.edits(text)).toHaveLength(1_000);
});
