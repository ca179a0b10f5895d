import { mx, type MxArray } from '../index.js';

/** Ops fused after a product. */
interface Epilogue {
  readonly bias?: MxArray | null;
  readonly gelu?: boolean | undefined;
  readonly silu?: boolean | undefined;
  readonly elu?: boolean | undefined;
  readonly scale?: number | undefined;
  readonly residual?: MxArray | undefined;
}

type EpilogueFunction = (y: MxArray, ...others: MxArray[]) => MxArray;

/** By which terms are present. */
const compiled = new Map<string, EpilogueFunction>();

/**
 * scale f(y + bias) + residual, where f is GELU, SiLU, ELU or nothing. On a GPU every elementwise op is a kernel and a pass over memory (unfused GELU
 * is five), so there the epilogue is compiled into one. A bias alone is two ops, since MLX broadcasts it by
 * an op of its own.
 */
export function applyEpilogue(
  y: MxArray,
  { bias, gelu = false, silu = false, elu = false, scale = 1, residual }: Epilogue,
  compile = mx.defaultDevice() === 'gpu',
): MxArray {
  const others = [bias, residual].filter((array) => array !== null && array !== undefined);
  const isPlain = !gelu && !silu && !elu && scale === 1;
  if (isPlain && others.length === 0) return y;
  const terms = { bias: Boolean(bias), gelu, silu, elu, scale, residual: residual !== undefined };
  const isOneOp = isPlain && !bias;
  return (compile && !isOneOp ? compiledEpilogueFor(terms) : epilogueFor(terms))(y, ...others);
}

interface EpilogueTerms {
  readonly bias: boolean;
  readonly gelu: boolean;
  readonly silu: boolean;
  readonly elu: boolean;
  readonly scale: number;
  readonly residual: boolean;
}

function epilogueFor({ bias, gelu, silu, elu, scale, residual }: EpilogueTerms): EpilogueFunction {
  return (y, ...others) => {
    const [first = y, last = y] = [others[0], others.at(-1)];
    if (bias) y = mx.add(y, first);
    if (gelu) y = mx.fast.gelu(y);
    if (silu) y = mx.multiply(y, mx.sigmoid(y));
    if (elu) y = mx.add(mx.maximum(y, 0), mx.expm1(mx.minimum(y, 0)));
    if (scale !== 1) y = mx.multiply(y, scale);
    return residual ? mx.add(y, last) : y;
  };
}

function compiledEpilogueFor(terms: EpilogueTerms): EpilogueFunction {
  const key = JSON.stringify(terms);
  const cached = compiled.get(key);
  if (cached !== undefined) return cached;
  const compiledEpilogue = mx.compile(epilogueFor(terms), { shapeless: true });
  compiled.set(key, compiledEpilogue);
  return compiledEpilogue;
}
