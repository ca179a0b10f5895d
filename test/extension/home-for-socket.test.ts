import { expect, test } from '@jest/globals';
import { describeModule } from './describe-module.js';

interface HomeForSocket {
  readonly homeForSocket: (socket: string, usual: string, user: string) => string | undefined;
}

const DEFAULT_SOCKET = '/Users/ann/Library/Application Support/Sotto/s';

await describeModule<HomeForSocket>('lib/home-for-socket', ({ homeForSocket }) => {
  const homeOf = (socket: string): string | undefined => homeForSocket(socket, DEFAULT_SOCKET, '/Users/ann');

  test('nothing, and the usual socket, leave Sotto where it is', () => {
    expect([
      homeOf(''),
      homeOf('  '),
      homeOf(DEFAULT_SOCKET),
      homeOf('~/Library/Application Support/Sotto/s'),
    ]).toEqual(Array(4).fill(undefined));
  });

  test('another one leads to the folder that it lies in', () => {
    expect([homeOf('/Volumes/Work/sotto/s'), homeOf(' ~/.sotto/./s ')]).toEqual([
      '/Volumes/Work/sotto',
      '/Users/ann/.sotto',
    ]);
  });

  test.each(['s', 'sotto/s', '/Volumes/Work/sotto', '/tmp/x.sock'])(
    '%s is refused with what to do',
    (socket) => {
      expect(() => homeOf(socket)).toThrow(
        expect.objectContaining({
          code: 'INVALID_ARGUMENT',
          hint: expect.stringContaining('sotto daemon status'),
        }),
      );
    },
  );
});
