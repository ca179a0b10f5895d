/** The names of transformers for the arrays of a DAC checkpoint, as those of descript-audio-codec, which the network has. */

const STEMS: Readonly<
  Record<
    string,
    { readonly root: string; readonly unitsFrom: number; readonly own: Readonly<Record<string, number>> }
  >
> = {
  encoder: { root: 'encoder.block', unitsFrom: 0, own: { snake1: 3, conv1: 4 } },
  decoder: { root: 'decoder.model', unitsFrom: 2, own: { snake1: 0, conv_t1: 1 } },
};
const UNIT: Readonly<Record<string, number>> = { snake1: 0, conv1: 1, snake2: 2, conv2: 3 };
const NAME =
  /^(encoder|decoder)\.(?:block\.(\d{1,4})\.(?:res_unit([123])\.)?)?(snake1|snake2|conv1|conv2|conv_t1)\.(.+)$/;

/**
 * @param blocks number of rates
 * @returns undefined for a name that does not belong to the encoder or decoder
 */
export function originalName(name: string, blocks: number): string | undefined {
  const [, side = '', block, unit, layer = '', rest = ''] = NAME.exec(name) ?? [];
  const stem = STEMS[side];
  if (stem === undefined) return undefined;
  if (block === undefined) {
    const at = { conv1: 0, snake1: blocks + 1, conv2: blocks + 2 }[layer];
    return at === undefined ? undefined : `${stem.root}.${at}.${rest}`;
  }
  const within = `${stem.root}.${Number(block) + 1}.block`;
  if (unit === undefined) {
    const at = stem.own[layer];
    return at === undefined ? undefined : `${within}.${at}.${rest}`;
  }
  const at = UNIT[layer];
  return at === undefined ? undefined : `${within}.${stem.unitsFrom + Number(unit) - 1}.block.${at}.${rest}`;
}
