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
  /** Reads the header; each tensor's bytes are read when it is first evaluated, so the file must stay. */
  loadSafetensors(
    file: string,
    options?: StreamOption,
  ): { arrays: Record<string, MxArray>; metadata: Record<string, string> };
  /**
   * Arrays over the bytes of a file where the system keeps them: array i begins `offsets[i]` bytes into it. Nothing is
   * copied but what lies unevenly; a thread reads the file ahead. It stays mapped until the last array is gone. Null where
   * MLX's allocator takes no memory but its own.
   *
   * @param bytes the file's length: one that is shorter is refused. Who shortens it later, in place, ends the process.
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

/** What index.ts builds `mx.eval`, `mx.tidy`, `mx.keep`, `mx.dispose` and `mx.compile` on. */
export interface Runtime {
  readonly MxArray: MxArrayClass;
  /** Computes the arrays and waits. */
  eval(...arrays: MxArray[]): void;
  /** Queues the arrays' computation and returns. */
  asyncEval(...arrays: MxArray[]): void;
  /** Names of the ops that evaluating the arrays would run, views included; for tests of a graph's size. */
  pendingOps(...arrays: MxArray[]): string[];
  /** Whether the elements can be read without waiting. */
  isAvailable(a: MxArray): boolean;
  /**
   * What is resolved once all the arrays, which have been queued, can be read, and rejected if their computation
   * failed; undefined if they can be read now. They may be disposed meanwhile.
   */
  whenAvailable(...arrays: MxArray[]): Promise<void> | undefined;
  /** @returns the depth to close down to */
  scopeOpen(): number;
  /** Closes the scopes above a depth and frees their arrays, but hands the survivors to the scope below. */
  scopeClose(depth: number, survivors?: readonly MxArray[]): void;
  keep(a: MxArray): MxArray;
  dispose(arrays: readonly MxArray[]): void;
  /** Arrays of this environment that are neither disposed nor collected. */
  liveArrays(): number;
}

/** Functions over lists of arrays, that MLX traces. function.ts builds `mx.compile`, `mx.grad`, … on them. */
export type ListFunction = (arrays: MxArray[]) => MxArray[];

export interface Functions {
  /** @returns a number for `runCompiled` */
  compileFunction(fun: ListFunction, shapeless?: boolean): number;
  runCompiled(id: number, arrays: readonly MxArray[]): MxArray[];
  disposeCompiled(id: number): void;
  /** From now on compiled functions just run their function, in every thread. */
  disableCompile(): void;
  enableCompile(): void;
  /** [outputs, gradients of the first output, a scalar, by the arguments numbered]. */
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
  /** The dtype that both can be converted to. */
  promoteTypes(a: Dtype, b: Dtype): Dtype;
  /** The dtype of an op on all of these. */
  resultType(...arrays: Operand[]): Dtype;
  issubdtype(dtype: Dtype, kind: Dtype | DtypeCategory): boolean;
  finfo(dtype: Dtype): { bits: number; min: number; max: number; eps: number; smallestNormal: number };
  iinfo(dtype: Dtype): { min: bigint; max: bigint };
}

export interface Devices {
  /** Of the MLX that is loaded. */
  readonly version: string;
  defaultDevice(): Device;
  setDefaultDevice(device: Device): void;
  deviceAvailable(device: Device): boolean;
  deviceCount(device: Device): number;
  /** Facts such as `device_name`, `memory_size`, `max_recommended_working_set_size`. */
  deviceInfo(device?: Device): Record<string, string | number>;
  defaultStream(device: Device): Stream;
  setDefaultStream(stream: Stream): void;
  newStream(device: Device): Stream;
  /** Waits for all work of a stream, or of the default one. */
  synchronize(stream?: Stream): void;
  metalAvailable(): boolean;
  /** Records the GPU's work to a new `.gputrace` file (with MTL_CAPTURE_ENABLED=1 in the environment). */
  startMetalCapture(file: string): void;
  stopMetalCapture(): void;
}
