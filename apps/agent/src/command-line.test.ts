import { describe, expect, it } from 'vitest';
import { parseCommandLine, UsageError } from './command-line.ts';

const parse = (...parameters: string[]) => parseCommandLine(parameters, {});
const complete = ['--url', 'http://10.0.0.1:3001', '--token', 'secret'];

describe('command line', () => {
  it('names a single device as given, and several with numbers', () => {
    expect(parse(...complete, '--name', 'pi')).toMatchObject({
      url: 'http://10.0.0.1:3001',
      token: 'secret',
      deviceNames: ['pi'],
      withParent: false,
    });
    expect(parse(...complete, '--name', 'local', '--count', '3')?.deviceNames).toEqual([
      'local-1',
      'local-2',
      'local-3',
    ]);
    expect(parse(...complete)?.deviceNames).toHaveLength(1);
  });

  it('searches the data plane without an address', () => {
    expect(parse('--token', 'secret')?.url).toBeNull();
  });

  it('reads the token and the home from the environment unless the command line sets them', () => {
    const environment = { SPAREWHEEL_JOIN_TOKEN: 'from-environment', SPAREWHEEL_HOME: '/var/lib/sparewheel' };
    expect(parseCommandLine(['--url', 'http://h:1/'], environment)).toMatchObject({
      url: 'http://h:1',
      token: 'from-environment',
      home: '/var/lib/sparewheel',
    });
    expect(parseCommandLine([...complete, '--home', '/other'], environment)).toMatchObject({
      token: 'secret',
      home: '/other',
    });
  });

  it('shares the cores among the devices, unless the threads are given', () => {
    const threads = (...parameters: string[]) =>
      parseCommandLine([...complete, ...parameters], {}, 8)?.threads;
    expect(threads()).toEqual({ atMost: 8 });
    expect(threads('--count', '3')).toEqual({ atMost: 2 });
    expect(threads('--count', '20')).toEqual({ atMost: 1 });
    expect(threads('--count', '3', '--threads', '8')).toEqual({ fixed: 8, atMost: 2 });
    expect(() => threads('--threads', '9')).toThrow('it has 8 cores');
  });

  it('reads a memory limit with its unit', () => {
    const limit = (text: string) => parse(...complete, '--memory-limit', text)?.memoryLimitBytes;
    expect(limit('256MB')).toBe(256_000_000);
    expect(limit('1.5 GiB')).toBe(1.5 * 2 ** 30);
    expect(parse(...complete)).not.toHaveProperty('memoryLimitBytes');
  });

  it.each([
    [[...complete, '--threads', '0'], '--threads 0 is invalid'],
    [[...complete, '--threads', 'all'], '--threads all is invalid'],
    [[...complete, '--memory-limit', '256'], '--memory-limit 256 is invalid'],
    [[...complete, '--memory-limit=-1MB'], '--memory-limit -1MB is invalid'],
    [[...complete, '--memory-limit', '99999999GB'], '--memory-limit 99999999GB is invalid'],
    [[...complete, '--memory-limit', '0MB'], '--memory-limit 0MB is invalid'],
    [['--url', 'http://h:1'], 'the join token is missing'],
    [['--url', 'localhost:3001', '--token', 't'], "--url 'localhost:3001' is invalid"],
    [['--url', 'ftp://h', '--token', 't'], "--url 'ftp://h' is invalid"],
    [['--url', 'http://h:1/v2', '--token', 't'], 'use http://h:1'],
    [[...complete, '--count', '0'], '--count 0 is invalid'],
    [[...complete, '--count', 'six'], '--count six is invalid'],
    [[...complete, '--count', '100000'], 'from 1 to 256'],
    [[...complete, '--name', '../escape'], "--name '../escape' is invalid"],
    [[...complete, '--color', 'red'], "Unknown option '--color'"],
  ])('rejects %j and says why', (parameters, message) => {
    expect(() => parseCommandLine(parameters, {})).toThrow(UsageError);
    expect(() => parseCommandLine(parameters, {})).toThrow(message);
  });

  it('needs no other option with --help', () => {
    expect(parse('--help')).toBeNull();
  });
});
