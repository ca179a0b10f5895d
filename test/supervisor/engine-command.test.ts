/** The environment of an engine. */
import { expect, test } from '@jest/globals';
import { engineCommand } from '#daemon/daemon-core.js';
import { DEFAULT_GPU } from '#daemon/settings.js';

test('sets the command buffer limits of MLX only if the user chose large ones', () => {
  expect(engineCommand(DEFAULT_GPU).env).toBeUndefined();
  expect(engineCommand().env).toBeUndefined();
  expect(engineCommand({ largeCommandBuffers: true }).env).toEqual({
    MLX_MAX_OPS_PER_BUFFER: '200',
    MLX_MAX_MB_PER_BUFFER: '400',
  });
});
