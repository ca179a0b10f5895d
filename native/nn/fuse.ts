import { replaceModules, type Module } from './module.js';

/** The faster form of a module, or undefined for a module that has none. It takes over the layers of the module. */
export type Fusion = (module: Module) => Module | undefined;

/**
 * Replaces modules by forms that compute the same in fewer ops: merged products, norms and activations in the pass of a
 * product. A pass over the finished network, so that the network itself stays plain. Call it after the weights are loaded.
 *
 * @example
 * const network = new Network(config).loadWeights('model.safetensors');
 * nn.fuse(network, (module) => (module instanceof Block ? new FusedBlock(module) : undefined));
 */
export function fuse<T extends Module>(network: T, fusion: Fusion): T {
  replaceModules(network, (module) => {
    const fused = fusion(module);
    // Modules inside the new one may have faster forms, too.
    return fused === undefined ? undefined : fuse(fused, fusion);
  });
  return network;
}

/** A module as an instance of a subclass, which computes the same otherwise. Shares all fields: drop the given one. */
export function retyped<T extends Module>(module: Module, subclass: abstract new (...args: never[]) => T): T {
  return Object.assign(Object.create(subclass.prototype as object) as T, module);
}
