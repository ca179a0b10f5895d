/** Files of descript-audio-codec’s command: a pickle in a numpy file. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

import { readCodes } from '#daemon/cli/codec/codes-file.js';

import { emptyDir } from '../../models/checkpoint/checkpoint-dirs.js';

test('a .dac file is no file of codes', async () => {
  const path = join(emptyDir(), 'speech.dac');
  const header = `{'descr': '|O', 'fortran_order': False, 'shape': (), }`.padEnd(117) + '\n';
  const magic = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length, 0]);
  writeFileSync(path, Buffer.concat([magic, Buffer.from(header), Buffer.from('\x80\x04}.', 'latin1')]));
  const shapeOf = (): Promise<never> => Promise.reject(new Error('it is no .ecdc file'));
  await expect(readCodes(path, shapeOf)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('holds no codes') as unknown,
    hint: expect.stringContaining('sotto codec encode') as unknown,
  });
});
