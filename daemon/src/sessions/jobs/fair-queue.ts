/** State of an item: `wait` also holds back later items of the same client, `skip` lets them pass. */
export type Readiness = 'ready' | 'wait' | 'skip';

/**
 * A round-robin queue: each client's items keep their order, and a client with a thousand files does not delay a
 * client with one.
 */
export class FairQueue<Client, Item> {
  /** Clients in service order; no list is empty. */
  readonly #lists = new Map<Client, Item[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(client: Client, item: Item): void {
    const list = this.#lists.get(client);
    if (list === undefined) this.#lists.set(client, [item]);
    else list.push(item);
    this.#size += 1;
  }

  /** The item that `shift` would return. */
  peek(readiness: (item: Item) => Readiness = ready): Item | undefined {
    for (const list of this.#lists.values()) {
      const at = firstReady(list, readiness);
      if (at >= 0) return list[at];
    }
    return undefined;
  }

  /** Removes and returns the first ready item. Without `readiness` every item is ready. */
  shift(readiness: (item: Item) => Readiness = ready): Item | undefined {
    for (const [client, list] of this.#lists) {
      const at = firstReady(list, readiness);
      if (at < 0) continue;
      const [item] = list.splice(at, 1);
      this.#size -= 1;
      // Move the client to the back, or drop it once its list is empty.
      this.#lists.delete(client);
      if (list.length > 0) this.#lists.set(client, list);
      return item;
    }
    return undefined;
  }

  /** Removes one item from any position; false if it is not in the queue. */
  remove(client: Client, item: Item): boolean {
    const list = this.#lists.get(client);
    const at = list?.indexOf(item) ?? -1;
    if (list === undefined || at < 0) return false;
    list.splice(at, 1);
    this.#size -= 1;
    if (list.length === 0) this.#lists.delete(client);
    return true;
  }

  countOf(client: Client): number {
    return this.#lists.get(client)?.length ?? 0;
  }

  /** All items in the order in which `shift` would return them. */
  inOrder(): Item[] {
    const order: Item[] = [];
    const lists = [...this.#lists.values()];
    const longest = Math.max(0, ...lists.map((list) => list.length));
    for (let round = 0; round < longest; round++) {
      for (const list of lists) {
        const item = list[round];
        if (item !== undefined) order.push(item);
      }
    }
    return order;
  }
}

function ready(): Readiness {
  return 'ready';
}

/** -1 if no item is ready or an earlier one has to be waited for. */
function firstReady<Item>(list: readonly Item[], readiness: (item: Item) => Readiness): number {
  const at = list.findIndex((item) => readiness(item) !== 'skip');
  const item = list[at];
  return item !== undefined && readiness(item) === 'ready' ? at : -1;
}
