/** `.codes` files: what was packed comes back, and a damaged file is refused before memory is taken. */
import { describe, expect, test } from '@jest/globals';
import { packCodes, unpackCodes, type PackedCodes } from '#daemon/store/codes/packed-codes.js';
import { seededRandom } from '#test/harness/seeded-random.js';

const facts = { model: 'codec', sampleRate: 24_000, samples: 4801 };

describe('packed codes', () => {
  test('come back, whatever their number, size and lengths', () => {
    const random = seededRandom(7);
    const whole = (below: number): number => Math.floor(random() * below);
    for (let round = 0; round < 300; round++) {
      const rows = 2 ** whole(31);
      const codes = Array.from({ length: whole(9) }, () =>
        Array.from({ length: whole(40) }, () => whole(rows)),
      );
      const scales = Array.from({ length: whole(4) }, () => Math.fround(random() * 3));
      const packed: PackedCodes = { ...facts, codes, ...(round % 2 === 1 && { scales }) };
      expect(unpackCodes(packCodes(packed))).toEqual(packed);
    }
  });

  test('take as many bits as the largest code needs', () => {
    const codes = Array.from({ length: 46 }, () => new Array<number>(50).fill(15));
    const empty = packCodes({ ...facts, codes: [] }).length;
    // 46 codes of 4 bits, 50 times a second.
    const bytes = packCodes({ ...facts, codes }).length - empty;
    expect(bytes).toBeGreaterThanOrEqual(1150);
    expect(bytes).toBeLessThan(1150 + 46 * 4);
  });

  const good = packCodes({ ...facts, codes: [[1, 2, 3], [4]], scales: [0.5] });
  const withHeader = (change: (header: Record<string, unknown>) => void): Uint8Array => {
    const end = 9 + Buffer.from(good).readUInt32BE(5);
    const header = JSON.parse(Buffer.from(good.subarray(9, end)).toString()) as Record<string, unknown>;
    change(header);
    const json = Buffer.from(JSON.stringify(header));
    const prefix = Buffer.from(good.subarray(0, 9));
    prefix.writeUInt32BE(json.length, 5);
    return Buffer.concat([prefix, json, good.subarray(end)]);
  };
  const changed = (at: number, value: number): Uint8Array => {
    const bytes = Uint8Array.from(good);
    bytes[at] = value;
    return bytes;
  };

  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['another format', Buffer.from('ECDC and so on, and more')],
    ['another version', changed(4, 2)],
    ['a header longer than the file', changed(5, 1)],
    ['a header that is not JSON', changed(9, 0)],
    ['a byte too few', good.subarray(0, -1)],
    ['a byte too many', Buffer.concat([good, Buffer.alloc(1)])],
    ['more codes than bytes', withHeader((header) => (header.frames = [2 ** 50, 1]))],
    ['a negative number of codes', withHeader((header) => (header.frames = [-1, 5]))],
    ['codes of 0 bits', withHeader((header) => (header.bits = 0))],
    ['no model', withHeader((header) => delete header.model)],
    ['a rate of 0', withHeader((header) => (header.sampleRate = 0))],
    ['65 codebooks', withHeader((header) => (header.frames = new Array<number>(65).fill(0)))],
    ['more scales than bytes', withHeader((header) => (header.scales = 2 ** 40))],
  ])('are refused: %s', (_what, bytes) => {
    expect(() => unpackCodes(bytes)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('.codes') as unknown,
      }),
    );
  });

  test('are refused with a scale that is no number', () => {
    const end = 9 + Buffer.from(good).readUInt32BE(5);
    const bytes = Buffer.from(good);
    bytes.writeFloatBE(NaN, end);
    expect(() => unpackCodes(bytes)).toThrow(/scale/);
  });
});
