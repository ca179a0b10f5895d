/** Runs before each suite, so that the addon computes where `test-device.ts` says. */
import { expect } from '@jest/globals';
import { deviceOf } from './test-device.js';

process.env.SOTTO_DEVICE = deviceOf(expect.getState().testPath ?? '');
