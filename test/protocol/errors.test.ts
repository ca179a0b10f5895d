import { describe, expect, test } from '@jest/globals';
import {
  codeOf,
  ERROR_CODES,
  codeInfo,
  isErrorCode,
  messageOf,
  SottoError,
} from '#daemon/protocol/errors.js';

describe('SottoError', () => {
  test.each(ERROR_CODES)('%s has a status, an exit code and a hint', (code) => {
    const { httpStatus, exitCode, hint } = codeInfo(code);
    expect(httpStatus).toBeGreaterThanOrEqual(400);
    expect([1, 2, 3, 130]).toContain(exitCode);
    expect(hint.length).toBeGreaterThan(5);
  });

  test('keeps code, message, hint and retryability in a message', () => {
    const error = new SottoError('BUSY', 'too much', { hint: 'later' });
    const back = SottoError.fromWire(
      JSON.parse(JSON.stringify(error.toWire())) as ReturnType<typeof error.toWire>,
    );
    expect(back.toWire()).toEqual({ code: 'BUSY', message: 'too much', hint: 'later', retryable: true });
  });

  test('returns a SottoError unchanged and wraps any other value', () => {
    const own = new SottoError('AUDIO_EMPTY', 'nothing');
    expect(SottoError.from(own)).toBe(own);
    const cause = new RangeError('out of range');
    const wrapped = SottoError.from(cause, 'AUDIO_UNREADABLE');
    expect([wrapped.code, wrapped.message, wrapped.cause]).toEqual([
      'AUDIO_UNREADABLE',
      'out of range',
      cause,
    ]);
  });

  test.each([undefined, null, 42, '', 'text', {}, { message: 1 }, Symbol('s'), [] as unknown])(
    'has a message for %p',
    (thrown) => {
      expect(messageOf(thrown).length).toBeGreaterThan(0);
      expect(codeOf(thrown)).toBeUndefined();
    },
  );

  test('accepts its codes but no inherited property names', () => {
    expect(isErrorCode('BUSY')).toBe(true);
    for (const other of ['toString', '__proto__', '', 3, undefined]) expect(isErrorCode(other)).toBe(false);
  });
});
