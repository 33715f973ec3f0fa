import { describe, expect, it } from 'vitest';
import { parseConfiguration } from './configuration.ts';
import { StartupError } from './startup-error.ts';

const parse = (args: string[], environment: Record<string, string> = {}) =>
  parseConfiguration(args, environment, '/checkout');

describe('configuration', () => {
  it('has the documented defaults', () => {
    expect(parse([])).toEqual({
      host: '127.0.0.1',
      port: 3000,
      dataPort: 3001,
      grpc: { port: 3002, required: false },
      home: '/checkout/.sparewheel',
      databaseUrl: 'file:///checkout/.sparewheel/sparewheel.db',
      fleet: 6,
      demo: true,
      demoTwin: true,
      development: false,
      tokens: {},
    });
  });

  it('prefers arguments to the environment, and ignores empty variables', () => {
    const environment = { PORT: '4000', DATA_PORT: '4001', HOST: '0.0.0.0', SPAREWHEEL_HOME: 'here' };
    expect(parse(['--port', '5000'], environment)).toMatchObject({
      port: 5000,
      dataPort: 4001,
      host: '0.0.0.0',
      home: '/checkout/here',
    });
    expect(parse([], { PORT: '', HOST: ' ' })).toMatchObject({ port: 3000, host: '127.0.0.1' });
  });

  it.each([
    [{}, { port: 3002, required: false }],
    [{ PORT: '3002' }, { port: 3003, required: false }],
    [
      { DATA_PORT: '4000', PORT: '' },
      { port: 4001, required: false },
    ],
    [{ DATA_PORT: '0' }, { port: 0, required: false }],
    [{ DATA_PORT: '65535' }, { port: 0, required: false }],
    [{ GRPC_PORT: '50051' }, { port: 50_051, required: true }],
    [{ GRPC_PORT: '0' }, { port: 0, required: true }],
    [{ GRPC_PORT: 'off' }, null],
  ])('chooses the port of gRPC for %j', (environment, grpc) => {
    expect(parse([], environment as Record<string, string>)?.grpc).toEqual(grpc);
    expect(parse(['--grpc-port', '9'], environment as Record<string, string>)?.grpc).toEqual({
      port: 9,
      required: true,
    });
    expect(parse(['--grpc-port', 'off'], environment as Record<string, string>)?.grpc).toBeNull();
  });

  it('reads the options of the fleet and the demo', () => {
    expect(parse(['--fleet', '3', '--no-demo'])).toMatchObject({ fleet: 3, demo: false });
    expect(parse(['--no-fleet', '--no-twin'])).toMatchObject({ fleet: 0, demo: true, demoTwin: false });
  });

  it('returns nothing if the arguments ask for help', () => {
    expect(parse(['--help'])).toBeNull();
  });

  it.each([
    [['--fleat', '6'], {}, '--fleat'],
    [['extra'], {}, 'extra'],
    [['--port'], {}, '--port'],
    [['--port', '70000'], {}, '70000'],
    [['--fleet', 'many'], {}, 'many'],
    [['--fleet', '1000'], {}, '1000'],
    [['--fleet=-1'], {}, '-1'],
    [['--no-fleet', '--fleet', '2'], {}, 'contradict'],
    [['--host', 'http://x'], {}, 'http://x'],
    [[], { PORT: '3e3' }, 'PORT'],
    [[], { DATA_PORT: '3000' }, '3000'],
    [[], { GRPC_PORT: '3001' }, '3001'],
    [[], { GRPC_PORT: '3000' }, '3000'],
    [[], { GRPC_PORT: 'on' }, 'GRPC_PORT'],
    [['--grpc-port', '70000'], {}, '--grpc-port'],
    [[], { SPAREWHEEL_JOIN_TOKEN: 'two words' }, 'SPAREWHEEL_JOIN_TOKEN'],
    [[], { SPAREWHEEL_INFER_TOKEN: 'with a space in the middle' }, 'SPAREWHEEL_INFER_TOKEN'],
    [[], { SPAREWHEEL_METRICS_TOKEN: 'ümlaut' }, 'SPAREWHEEL_METRICS_TOKEN'],
  ])('rejects %j with %j and names %s', (args, environment, named) => {
    expect(() => parse(args, environment)).toThrow(StartupError);
    expect(() => parse(args, environment)).toThrow(named);
  });

  it('never repeats a rejected token', () => {
    expect(() => parse([], { SPAREWHEEL_OPERATOR_TOKEN: 'hunter2' })).not.toThrow('hunter2');
  });
});
