import { describe, expect, it } from 'vitest';
import { parseCommandLine, UsageError } from './command-line.ts';

const parse = (...parameters: string[]) => parseCommandLine(parameters, {});
const complete = ['--url', 'http://10.0.0.1:3001', '--token', 'secret'];

describe('command line', () => {
  it('names one device after the machine, and several by number', () => {
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

  it('takes token and home from the environment where the command line does not give them', () => {
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

  it.each([
    [['--token', 't'], "the data plane's address is missing"],
    [['--url', 'http://h:1'], 'a join token is missing'],
    [['--url', 'localhost:3001', '--token', 't'], "'localhost:3001' is not an address"],
    [['--url', 'ftp://h', '--token', 't'], 'is not an address'],
    [['--url', 'http://h:1/v2', '--token', 't'], 'use http://h:1'],
    [[...complete, '--count', '0'], '--count 0 is not a whole number'],
    [[...complete, '--count', 'six'], '--count six is not'],
    [[...complete, '--count', '100000'], 'from 1 to 256'],
    [[...complete, '--name', '../escape'], "--name '../escape' will not do"],
    [[...complete, '--colour', 'red'], "Unknown option '--colour'"],
  ])('refuses %j in a sentence', (parameters, sentence) => {
    expect(() => parseCommandLine(parameters, {})).toThrow(UsageError);
    expect(() => parseCommandLine(parameters, {})).toThrow(sentence);
  });

  it('asks for nothing when help is wanted', () => {
    expect(parse('--help')).toBeNull();
  });
});
