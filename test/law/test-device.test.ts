/** Each suite computes on the requested device only. */
import { describe, expect, test } from '@jest/globals';
import { mx } from '#native/index.js';
import { deviceFrom, deviceOf, testDevice, tolerance } from '#test/harness/test-device.js';

test('this suite computes where it was told', () => {
  expect(process.env.SOTTO_DEVICE).toBe(testDevice);
  expect(mx.defaultDevice()).toBe(testDevice);
});

describe('the choice', () => {
  test.each([
    [undefined, 'cpu'],
    ['', 'cpu'],
    ['cpu', 'cpu'],
    ['gpu', 'gpu'],
  ])('SOTTO_TEST_DEVICE %p is %s', (requested, device) => expect(deviceFrom(requested)).toBe(device));

  test('another word is refused', () => expect(() => deviceFrom('metal')).toThrow(/set it to cpu or gpu/));

  test('kernels of the CPU are tested on it alone', () => {
    expect(deviceOf('/x/dist/test/native/cpu-lstm.test.js', 'gpu')).toBe('cpu');
    expect(deviceOf('/x/dist/test/native/ops.test.js', 'gpu')).toBe('gpu');
    expect(deviceOf('/x/dist/test/models/cpu-memory.test.js', 'gpu')).toBe('gpu');
  });

  test('what must be exact stays exact on a GPU, and the rest may be off by more', () => {
    expect(tolerance(0, 'gpu')).toBe(0);
    expect(tolerance(1e-5, 'gpu')).toBeGreaterThan(1e-4);
    expect(tolerance(0.1, 'gpu')).toBe(0.1);
    expect(tolerance(1e-5, 'cpu')).toBe(1e-5);
  });
});
