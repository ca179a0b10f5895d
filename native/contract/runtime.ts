import type {
  Device,
  Dtype,
  DtypeCategory,
  MxArray,
  MxArrayClass,
  StreamOption,
  Operand,
  Stream,
} from './types.js';

export interface Files {
  /**
   * Reads the header only. MLX reads a tensor's bytes when it is first evaluated, so the file must stay in
   * place.
   */
  loadSafetensors(
    file: string,
    options?: StreamOption,
  ): { arrays: Record<string, MxArray>; metadata: Record<string, string> };
  /**
   * Arrays over a memory-mapped file: array i starts at byte `offsets[i]`. Only unaligned arrays are copied;
   * a thread reads the file ahead. The mapping lasts until the last array is freed. Returns null where MLX's
   * allocator only accepts its own memory.
   *
   * @param bytes the file's length. A shorter file is refused; one truncated in place later ends the process
   * (SIGBUS).
   */
  mapFile(
    file: string,
    bytes: number,
    offsets: readonly number[],
    shapes: readonly (readonly number[])[],
    dtypes: readonly Dtype[],
  ): MxArray[] | null;
  saveSafetensors(
    file: string,
    arrays: Readonly<Record<string, MxArray>>,
    metadata?: Readonly<Record<string, string>>,
  ): void;
  /** A `.npy` file. */
  load(file: string, options?: StreamOption): MxArray;
  save(file: string, arr: MxArray): void;
}

/** The primitives behind `mx.eval`, `mx.tidy`, `mx.keep`, `mx.dispose` and `mx.compile` (index.ts). */
export interface Runtime {
  readonly MxArray: MxArrayClass;
  /** Computes the arrays and waits. */
  eval(...arrays: MxArray[]): void;
  /** Queues the computation and returns at once. */
  asyncEval(...arrays: MxArray[]): void;
  /** Names of the ops that evaluating the arrays would run, views included; for tests of a graph's size. */
  pendingOps(...arrays: MxArray[]): string[];
  /** Whether the elements can be read without waiting. */
  isAvailable(a: MxArray): boolean;
  /**
   * Resolves once all queued arrays can be read, rejects if their computation failed; undefined if they can
   * be read now. The arrays may be disposed meanwhile.
   */
  whenAvailable(...arrays: MxArray[]): Promise<void> | undefined;
  /** @returns the depth to pass to `scopeClose` */
  scopeOpen(): number;
  /** Closes all scopes above a depth and frees their arrays; survivors move to the scope below. */
  scopeClose(depth: number, survivors?: readonly MxArray[]): void;
  keep(a: MxArray): MxArray;
  dispose(arrays: readonly MxArray[]): void;
  /** Arrays of this environment that are neither disposed nor collected. */
  liveArrays(): number;
}

/**
 * Functions over lists of arrays, traced by MLX; function.ts builds `mx.compile`, `mx.grad` and the others on
 * them.
 */
export type ListFunction = (arrays: MxArray[]) => MxArray[];

export interface Functions {
  /** @returns an id for `runCompiled` */
  compileFunction(fun: ListFunction, shapeless?: boolean): number;
  runCompiled(id: number, arrays: readonly MxArray[]): MxArray[];
  disposeCompiled(id: number): void;
  /** Makes compiled functions run uncompiled, in every thread. */
  disableCompile(): void;
  enableCompile(): void;
  /** [outputs, gradients of the first output (a scalar) by the numbered arguments]. */
  valueAndGradOf(
    fun: ListFunction,
    argnums: readonly number[],
    arrays: readonly MxArray[],
  ): [MxArray[], MxArray[]];
  vjpOf(
    fun: ListFunction,
    primals: readonly MxArray[],
    cotangents: readonly MxArray[],
  ): [MxArray[], MxArray[]];
  jvpOf(fun: ListFunction, primals: readonly MxArray[], tangents: readonly MxArray[]): [MxArray[], MxArray[]];
  /** Axes: −1 for an argument that is not mapped. */
  vmapOf(
    fun: ListFunction,
    inAxes: readonly number[],
    outAxes: readonly number[],
    arrays: readonly MxArray[],
  ): MxArray[];
}

export interface Dtypes {
  /** The dtype that both convert to. */
  promoteTypes(a: Dtype, b: Dtype): Dtype;
  /** The result dtype of an op on all of these. */
  resultType(...arrays: Operand[]): Dtype;
  issubdtype(dtype: Dtype, kind: Dtype | DtypeCategory): boolean;
  finfo(dtype: Dtype): { bits: number; min: number; max: number; eps: number; smallestNormal: number };
  iinfo(dtype: Dtype): { min: bigint; max: bigint };
}

export interface Devices {
  /** Version of the loaded MLX. */
  readonly version: string;
  defaultDevice(): Device;
  setDefaultDevice(device: Device): void;
  deviceAvailable(device: Device): boolean;
  deviceCount(device: Device): number;
  /** Device properties such as `device_name`, `memory_size`, `max_recommended_working_set_size`. */
  deviceInfo(device?: Device): Record<string, string | number>;
  defaultStream(device: Device): Stream;
  setDefaultStream(stream: Stream): void;
  newStream(device: Device): Stream;
  /** Waits for all work of a stream, or of the default one. */
  synchronize(stream?: Stream): void;
  metalAvailable(): boolean;
  /** Records the GPU's work to a new `.gputrace` file (needs MTL_CAPTURE_ENABLED=1 in the environment). */
  startMetalCapture(file: string): void;
  stopMetalCapture(): void;
}
