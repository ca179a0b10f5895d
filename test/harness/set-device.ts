/** Runs before each suite to select the device of `test-device.ts`. */
import { expect } from '@jest/globals';
import { deviceOf } from './test-device.js';

process.env.SOTTO_DEVICE = deviceOf(expect.getState().testPath ?? '');
