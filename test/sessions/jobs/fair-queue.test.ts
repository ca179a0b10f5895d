import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FairQueue } from '#daemon/sessions/jobs/fair-queue.js';

function drain(queue: FairQueue<string, string>): string[] {
  const out: string[] = [];
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) out.push(item);
  return out;
}

describe('FairQueue', () => {
  test('serves clients in turn and each one in its order', () => {
    const queue = new FairQueue<string, string>();
    for (const item of ['a1', 'a2', 'a3', 'b1', 'c1', 'c2']) queue.push(item.charAt(0), item);
    expect(drain(queue)).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3']);
  });

  test('forgets removed items', () => {
    const queue = new FairQueue<string, string>();
    for (const item of ['a1', 'a2', 'b1']) queue.push(item.charAt(0), item);
    expect(queue.remove('a', 'a1')).toBe(true);
    expect(queue.remove('a', 'a1')).toBe(false);
    expect(queue.remove('x', 'a2')).toBe(false);
    expect([queue.size, queue.countOf('a'), queue.countOf('x')]).toEqual([2, 1, 0]);
    expect(drain(queue)).toEqual(['a2', 'b1']);
  });

  test('predicts its own order, loses nothing and keeps each client’s order', () => {
    const step = fc.oneof(
      fc.record({ push: fc.constantFrom('a', 'b', 'c') }),
      fc.record({ remove: fc.nat(9) }),
      fc.constant({ shift: true }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = new FairQueue<string, string>();
        const inside = new Set<string>();
        let n = 0;
        for (const one of steps) {
          if ('push' in one) {
            const item = `${one.push}${String(n++).padStart(3, '0')}`;
            queue.push(one.push, item);
            inside.add(item);
          } else if ('remove' in one) {
            const item = [...inside][one.remove];
            if (item !== undefined) {
              expect(queue.remove(item.charAt(0), item)).toBe(true);
              inside.delete(item);
            }
          } else {
            const foretold = queue.inOrder()[0];
            const item = queue.shift();
            expect(item).toBe(foretold);
            if (item !== undefined) inside.delete(item);
          }
          expect(queue.size).toBe(inside.size);
        }
        const order = queue.inOrder();
        expect(drain(queue)).toEqual(order);
        expect([...order].sort()).toEqual([...inside].sort());
        for (const client of 'abc') {
          const own = order.filter((item) => item.startsWith(client));
          expect(own).toEqual([...own].sort());
        }
      }),
    );
  });
});
