/** Changes the header of a safetensors file, whose data stays. */
import { readFileSync, writeFileSync } from 'node:fs';

export type SafetensorsHeader = Record<
  string,
  { dtype: string; shape: number[]; data_offsets: [number, number] }
>;

/** @returns the names of the arrays */
export function editSafetensors(path: string, edit: (header: SafetensorsHeader) => void): string[] {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as SafetensorsHeader;
  edit(header);
  const text = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(path, Buffer.concat([prefix, text, bytes.subarray(8 + length)]));
  return Object.keys(header).filter((name) => name !== '__metadata__');
}

/** Gives each array the name that `rename` returns. */
export function renameArrays(path: string, rename: (name: string) => string): void {
  editSafetensors(path, (header) => {
    for (const [name, value] of Object.entries(header)) {
      if (name === '__metadata__') continue;
      delete header[name];
      header[rename(name)] = value;
    }
  });
}
