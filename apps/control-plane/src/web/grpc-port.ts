import type { GrpcConfiguration } from '../configuration.ts';
import { StartupError } from '../startup-error.ts';
import { requireFreePort } from './listen.ts';

/**
 * Returns the port for inference over gRPC: null if it is off, or if another program uses the default port.
 * @param log  receives the reason why gRPC is off
 * @throws {StartupError} the port that was set is taken or not allowed
 */
export async function chooseGrpcPort(
  host: string,
  grpc: GrpcConfiguration | null,
  log: (line: string) => void,
): Promise<number | null> {
  if (grpc === null || grpc.port === 0) return grpc?.port ?? null;
  try {
    await requireFreePort(host, grpc.port, 'GRPC_PORT');
    return grpc.port;
  } catch (error) {
    if (grpc.required || !(error instanceof StartupError)) throw error;
    log(`Inference over gRPC is off. ${error.message} To use it, set GRPC_PORT to a free port.`);
    return null;
  }
}
