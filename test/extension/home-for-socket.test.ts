import { expect, test } from '@jest/globals';
import { describeModule } from './describe-module.js';

interface HomeForSocket {
  readonly homeForSocket: (socket: string, usual: string, user: string) => string | undefined;
}

const DEFAULT_SOCKET = '/Users/ann/Library/Application Support/Sotto/s';

await describeModule<HomeForSocket>('lib/home-for-socket', ({ homeForSocket }) => {
  const homeOf = (socket: string): string | undefined => homeForSocket(socket, DEFAULT_SOCKET, '/Users/ann');

  test('returns no home for an empty path or the default socket', () => {
    expect([
      homeOf(''),
      homeOf('  '),
      homeOf(DEFAULT_SOCKET),
      homeOf('~/Library/Application Support/Sotto/s'),
    ]).toEqual(Array(4).fill(undefined));
  });

  test('returns the folder of another socket', () => {
    expect([homeOf('/Volumes/Work/sotto/s'), homeOf(' ~/.sotto/./s ')]).toEqual([
      '/Volumes/Work/sotto',
      '/Users/ann/.sotto',
    ]);
  });

  test.each(['s', 'sotto/s', '/Volumes/Work/sotto', '/tmp/x.sock'])('refuses %s with a hint', (socket) => {
    expect(() => homeOf(socket)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        hint: expect.stringContaining('sotto daemon status'),
      }),
    );
  });
});
