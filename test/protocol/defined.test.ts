import { describe, expect, test } from '@jest/globals';

import { defined } from '#daemon/protocol/defined.js';

describe('defined', () => {
  test('drops undefined fields and keeps every other value', () => {
    const fields = defined({ a: 1, b: undefined, c: null, d: false, e: '', f: 0 });
    expect(Object.keys(fields)).toEqual(['a', 'c', 'd', 'e', 'f']);
    expect(fields).toEqual({ a: 1, c: null, d: false, e: '', f: 0 });
  });
});
