import { mx, type MxArray } from '../index.js';

/** What follows a product. */
export interface Finish {
  readonly bias?: MxArray | null;
  readonly gelu?: boolean | undefined;
  readonly residual?: MxArray | undefined;
}

type Finisher = (y: MxArray, ...others: MxArray[]) => MxArray;

/** By which of the three parts they do. */
const compiled = new Map<string, Finisher>();

/**
 * gelu(y + bias) + residual. On a GPU each elementwise op is a kernel of its own and a pass over memory (GELU spelled
 * out is five), so there they are compiled into one. A bias alone is two ops, since MLX broadcasts it by one of its own.
 */
export function finish(
  y: MxArray,
  { bias, gelu = false, residual }: Finish,
  compile = mx.defaultDevice() === 'gpu',
): MxArray {
  const others = [bias, residual].filter((array) => array !== null && array !== undefined);
  if (!gelu && others.length === 0) return y;
  const parts = { bias: Boolean(bias), gelu, residual: residual !== undefined };
  const isOneOp = !gelu && !bias;
  return (compile && !isOneOp ? compiledFinisher(parts) : finisher(parts))(y, ...others);
}

interface Parts {
  readonly bias: boolean;
  readonly gelu: boolean;
  readonly residual: boolean;
}

function finisher({ bias, gelu, residual }: Parts): Finisher {
  return (y, ...others) => {
    const [first = y, last = y] = [others[0], others.at(-1)];
    if (bias) y = mx.add(y, first);
    if (gelu) y = mx.fast.gelu(y);
    return residual ? mx.add(y, last) : y;
  };
}

function compiledFinisher(parts: Parts): Finisher {
  const key = JSON.stringify(parts);
  const known = compiled.get(key);
  if (known !== undefined) return known;
  const made = mx.compile(finisher(parts), { shapeless: true });
  compiled.set(key, made);
  return made;
}
