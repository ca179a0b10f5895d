/** MLX's error messages (from its macOS library) and their error codes. */
import { describe, expect, test } from '@jest/globals';
import { engineError, startError } from '#daemon/engine/engine-errors.js';
import { SottoError } from '#daemon/protocol/errors.js';

describe('an error of MLX', () => {
  test.each([
    '[malloc] Unable to allocate 4194304 bytes.',
    '[metal::malloc] Attempting to allocate 19327352832 bytes which is greater than the maximum allowed buffer size of 9534832640 bytes.',
    '[metal::malloc] Resource limit (499000) exceeded.',
    '[METAL] Command buffer execution failed: Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory).',
    'std::bad_alloc',
  ])('is out of memory: %s', (message) => {
    const cause = new Error(message);
    expect(engineError(cause)).toMatchObject({ code: 'ENGINE_OOM', retryable: true, cause });
  });

  test.each([
    '[METAL] Command buffer execution failed: Caused GPU Timeout Error (00000002:kIOGPUCommandBufferCallbackErrorTimeout).',
    '[METAL] Command buffer execution failed: Caused GPU Hang Error (00000003:kIOGPUCommandBufferCallbackErrorHang).',
    '[METAL] Command buffer execution failed: Impacting Interactivity (0000000e:kIOGPUCommandBufferCallbackErrorImpactingInteractivity).',
    '[METAL] Command buffer execution failed: Ignored (for causing prior/excessive GPU errors) (00000004:kIOGPUCommandBufferCallbackErrorSubmissionsIgnored).',
    '[metal::CommandEncoder] Failed to make new command queue.',
  ])('is a GPU failure that the engine does not survive: %s', (message) => {
    expect(engineError(new Error(message))).toMatchObject({ code: 'ENGINE_CRASHED', retryable: true });
  });

  test.each(['[matmul] Last dimension of first input', 'x is not a function'])(
    'otherwise fails only its job: %s',
    (message) => expect(engineError(new Error(message)).code).toBe('INTERNAL'),
  );

  test('passes a SottoError on unchanged', () => {
    const ours = new SottoError('CANCELLED', 'cancelled');
    expect(engineError(ours)).toBe(ours);
  });
});

describe('an addon that does not load', () => {
  test('is reported with what to do', () => {
    const error = startError(new Error('MLX finds no GPU; run Sotto in a session of a user'));
    expect(error).toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    expect(error.message).toContain('MLX finds no GPU');
  });
});
