/** Output of macOS tools as published by others, and unknown output. */
import { describe, expect, test } from '@jest/globals';
import { isValid, parseSignature, quarantined } from '#daemon/cli/selftest/codesign.js';
import { parsePower } from '#daemon/cli/selftest/powermetrics.js';
import { lastRequest, microphoneLines } from '#daemon/cli/selftest/tcc-log.js';
import { AD_HOC, ran, SIGNED } from './fake-mac.js';

describe('codesign and xattr', () => {
  test('flags and signer, if present', () => {
    expect(parseSignature(SIGNED)).toEqual({
      flags: '0x10000(runtime)',
      signer: 'Developer ID Application: Node.js Foundation (HX7739G8FX)',
      isHardened: true,
    });
    expect(parseSignature(AD_HOC)).toEqual({
      ...{ flags: '0x20002(adhoc,linker-signed)', signer: 'ad hoc', isHardened: false },
    });
    expect(parseSignature('CodeDirectory v=20400 flags=0x2(adhoc) hashes=1')).toMatchObject({
      signer: 'ad hoc',
    });
    expect(parseSignature('flags=0x1 in a path')).toEqual({ isHardened: false });
    expect(parseSignature('')).toEqual({ isHardened: false });
  });

  test('a tool that failed says nothing about a signature', () => {
    expect([0, 1, 3, 2, 127, -1].map((code) => isValid(ran(code)))).toEqual([
      ...[true, false, false],
      ...[undefined, undefined, undefined],
    ]);
  });

  test('quarantined paths, with colons and spaces', () => {
    const printed = [
      '/a b/lib:x.dylib: com.apple.quarantine: 0083;66f0a1b2;Safari;UUID',
      '/a b/node: com.apple.provenance:',
      '00000000  01 02 00 55 0B 44 6C 7A 3D 8F 70                 |...U.Dlz=.p|',
    ].join('\n');
    expect(quarantined(printed)).toEqual(['/a b/lib:x.dylib']);
  });
});

describe('the permission log', () => {
  const NEW = [
    '2026-09-06 22:53:14.560 Df tccd[66015:4d31e7] [com.apple.TCC:access] AUTHREQ_CTX: msgID=4242.1, function=TCCAccessRequest, service=kTCCServiceMicrophone, preflight=no, query=1',
    '2026-09-06 22:53:14.570 Df tccd[66015:4d31e7] [com.apple.TCC:access] AUTHREQ_ATTRIBUTION: msgID=4242.1, attribution={responsible={TCCDProcess: identifier=dev.warp.Warp-Stable, pid=4242, auid=503, euid=503, responsible_path=/Applications/Warp.app/Contents/MacOS/stable, binary_path=/opt/node}, accessing={TCCDProcess: identifier=-, pid=4243, auid=503, euid=503, binary_path=/x/sotto-mic}, requesting={TCCDProcess: identifier=com.apple.audio.coreaudiod, pid=66, auid=0, euid=0, binary_path=/usr/sbin/coreaudiod}, },',
    '2026-09-06 22:53:14.580 Df tccd[66015:4d31e7] [com.apple.TCC:access] AUTHREQ_CTX: msgID=9.1, function=TCCAccessRequest, service=kTCCServiceCamera, preflight=no',
    '2026-09-06 22:53:14.590 Df tccd[66015:4d31e7] [com.apple.TCC:access] AUTHREQ_RESULT: msgID=9.1, authValue=0, authReason=2',
    '2026-09-06 22:53:14.600 Df tccd[66015:4d31e7] [com.apple.TCC:access] AUTHREQ_RESULT: msgID=4242.1, authValue=2, authReason=2, authVersion=1, desired_auth=0, error=(null),',
  ].join('\n');

  test('names the responsible app; results of other services are ignored', () => {
    expect(lastRequest(NEW)).toEqual({
      ...{ responsible: 'dev.warp.Warp-Stable', accessing: '/x/sotto-mic', isAllowed: true },
    });
    expect(microphoneLines(NEW)).toHaveLength(3);
  });

  test('a process that is responsible itself has no responsible app; without a result it is neither allowed nor denied', () => {
    const log =
      'AUTHREQ_CTX: msgID=1.2, service=kTCCServiceMicrophone\nAUTHREQ_ATTRIBUTION: msgID=1.2, attribution={accessing={TCCDProcess: identifier=com.nexy, pid=7}, },\nAUTHREQ_RESULT: msgID=1.2, authValue=1, authReason=0';
    expect(lastRequest(log)).toEqual({ accessing: 'com.nexy' });
  });

  test('parses the format of older systems', () => {
    const log =
      "tccd: [com.apple.TCC:access] AttributionChain: RESP:{ID: com.apple.Terminal, PID[2307], auid: 501}, ACC:{ID: node, PID[2347], auid: 501, binary path: '/usr/bin/node'}\n" +
      'tccd: [com.apple.TCC:access] access to kTCCServiceMicrophone requested';
    expect(lastRequest(log)).toEqual({ responsible: 'com.apple.Terminal', accessing: 'node' });
  });

  test('ignores unknown lines', () => {
    for (const log of ['', 'kTCCServiceMicrophone', 'AUTHREQ_ATTRIBUTION: msgID=1.1, kTCCServiceMicrophone'])
      expect(lastRequest(log)).toBeUndefined();
  });
});

describe('powermetrics', () => {
  const sample = (share: string, milliwatts: number, more = ''): string =>
    `*** Sampled system activity (Tue Nov 28 14:37:01 2026 +0100) (1006.50ms elapsed) ***\n\n**** GPU usage ****\n\nGPU HW active frequency: 720 MHz\nGPU HW active residency:  ${share}% (338 MHz: 1.1% 618 MHz:   0%)\nGPU idle residency:  50.00%\nGPU Power: ${milliwatts} mW\n${more}`;

  test('means over the samples; newer systems leave a figure out', () => {
    const combined = 'Combined Power (CPU + GPU + ANE): 4100 mW\n';
    expect(parsePower(sample('40.00', 2000) + sample(' 60.5', 3000))).toEqual({
      ...{ samples: 2, share: expect.closeTo(0.5025, 6) as unknown, watts: 2.5 },
    });
    expect(parsePower(sample('40.00', 2000, combined))).toMatchObject({ combinedWatts: 4.1 });
    expect(parsePower('GPU Power: 12 mW')).toEqual({ samples: 1, watts: 0.012 });
  });

  test('ignores unknown lines', () => {
    for (const printed of [
      '',
      'powermetrics must be invoked as the superuser',
      'GPU HW active residency: many',
    ])
      expect(parsePower(printed)).toBeUndefined();
  });
});
