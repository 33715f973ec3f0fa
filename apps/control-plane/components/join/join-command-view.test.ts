import { describe, expect, it } from 'vitest';
import { dataPlaneUrl, joinCommand } from './join-command-view.ts';

describe('the join command', () => {
  it('contains the origin of the data plane', () => {
    expect(dataPlaneUrl('http://127.0.0.1:3001/v2')).toBe('http://127.0.0.1:3001');
    expect(joinCommand('http://10.0.0.2:3001', { name: '', count: 4 })).toBe(
      'npm run agent -- --url http://10.0.0.2:3001 --token JOIN_TOKEN --count 4',
    );
  });

  it('turns any input into a valid device name that is safe in a shell', () => {
    const nameIn = (name: string) =>
      joinCommand('http://h:1', { name, count: 1 }, 'T').replace(
        'npm run agent -- --url http://h:1 --token T',
        '',
      );
    expect(nameIn('kitchen pi')).toBe(' --name kitchen-pi');
    expect(nameIn(" $(reboot); 'Küche' ")).toBe(' --name reboot-K-che');
    expect(nameIn('-')).toBe('');
    expect(nameIn('x'.repeat(200))).toBe(` --name ${'x'.repeat(90)}`);
  });
});
