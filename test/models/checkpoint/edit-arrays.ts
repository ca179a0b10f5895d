import { join } from 'node:path';

import { mx, type MxArray } from '#native/index.js';

export type Arrays = Record<string, MxArray>;

/** Changes the weights of a model directory. */
export function editArrays(dir: string, edit: (arrays: Arrays) => void): void {
  editArrayFile(join(dir, 'model.safetensors'), edit);
}

export function editArrayFile(path: string, edit: (arrays: Arrays) => void): void {
  const { arrays } = mx.loadSafetensors(path);
  mx.eval(Object.values(arrays));
  const all = Object.values(arrays);
  edit(arrays);
  mx.saveSafetensors(path, arrays);
  mx.dispose(all, arrays);
}
