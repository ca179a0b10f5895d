/** What is wired into memory while a session is open. */
import { afterEach, expect, jest, test } from '@jest/globals';
import { wireMemory } from '#daemon/engine/wired-memory.js';
import { mx } from '#native/index.js';

const MIB = 1024 * 1024;
afterEach(() => {
  jest.restoreAllMocks();
});

/** A Mac with this much memory for one process. */
function mac(maxWorkingSetBytes: number) {
  jest.spyOn(mx, 'metalAvailable').mockReturnValue(true);
  jest.spyOn(mx, 'defaultDevice').mockReturnValue('gpu');
  jest.spyOn(mx, 'deviceInfo').mockReturnValue({ max_recommended_working_set_size: maxWorkingSetBytes });
  jest.spyOn(mx.memory, 'active').mockReturnValue(400 * MIB);
  return jest.spyOn(mx.memory, 'setWiredLimit').mockReturnValue(0);
}

test('wires the active memory plus working memory, and nothing once all sessions are closed', () => {
  const wired = mac(8192 * MIB);
  wireMemory(true);
  wireMemory(false);
  expect(wired.mock.calls).toEqual([[912 * MIB], [0]]);
});

test('never wires more than Metal recommends, which MLX would refuse', () => {
  const wired = mac(600 * MIB);
  wireMemory(true);
  expect(wired.mock.calls).toEqual([[600 * MIB]]);
});

test('does nothing without Metal, and survives a refusal', () => {
  const wired = mac(8192 * MIB);
  wired.mockImplementation(() => {
    throw new Error('refused');
  });
  expect(() => wireMemory(true)).not.toThrow();
  expect(wired).toHaveBeenCalledTimes(1);
  jest.spyOn(mx, 'metalAvailable').mockReturnValue(false);
  wireMemory(true);
  expect(wired).toHaveBeenCalledTimes(1);
});
