import { isIPv4, isIPv6 } from 'node:net';
import type { networkInterfaces } from 'node:os';
import type { JoinAddressesView } from '@sparewheel/protocol';
import { bracketed } from '@sparewheel/runtime/addresses';

/** Networks inside this machine: virtual machines and containers. Other machines rarely reach them. */
const VIRTUAL = /^(docker|br-|veth|virbr|vmnet|vboxnet|lxc|lxd|cni|flannel|podman)/;

/**
 * Returns the addresses at which other machines reach a server of this machine.
 * @param listener  the address on which both servers listen, and their ports
 * @param interfaces  as of `os.networkInterfaces()`
 */
export function joinAddresses(
  { host, port, dataPort }: { readonly host: string; readonly port: number; readonly dataPort: number },
  interfaces: ReturnType<typeof networkInterfaces>,
): JoinAddressesView {
  const addresses = hostsOf(host, interfaces).map(({ address, name }) => {
    const hostname = bracketed(address);
    return {
      hostname,
      interface: name,
      dashboard: `http://${hostname}:${port}`,
      dataPlane: `http://${hostname}:${dataPort}`,
    };
  });
  return { host, addresses };
}

function hostsOf(
  host: string,
  interfaces: ReturnType<typeof networkInterfaces>,
): readonly { readonly address: string; readonly name: string | null }[] {
  if (isLoopback(host)) return [];
  if (host !== '0.0.0.0' && host !== '::') return [{ address: host, name: null }];
  return (
    Object.entries(interfaces)
      .flatMap(([name, infos = []]) =>
        infos
          .filter(({ address, internal }) => !internal && (isIPv4(address) || host === '::'))
          // A link-local address needs a zone, which differs between machines.
          .filter(({ address }) => !/^fe[89ab]/i.test(address))
          .map(({ address }) => ({ address, name })),
      )
      // Sorting is stable: otherwise the order of the system remains.
      .sort((a, b) => rank(a) - rank(b))
  );
}

function rank({ address, name }: { readonly address: string; readonly name: string }): number {
  return (VIRTUAL.test(name) ? 2 : 0) + (isIPv6(address) ? 1 : 0);
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host);
}
