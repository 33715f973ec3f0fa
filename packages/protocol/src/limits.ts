/**
 * Every queue, message size and retry of the wire has a bound, and all of them stand here.
 * Times are in milliseconds, sizes in bytes.
 */
export const LIMITS = {
  /** One tensor frame or control message; Socket.IO silently drops the connection one byte above it. */
  frameBytes: 64 * 1024 * 1024,
  /** Body of one inference request. */
  inferenceBodyBytes: 64 * 1024 * 1024,
  /** An uploaded model; protobuf itself ends at 2 GiB. */
  modelBytes: 2 * 1024 * 1024 * 1024 - 1,
  /** A JSON body of the admin API. */
  apiBodyBytes: 1024 * 1024,
  /** Shard chunks: small enough that inference on the other connection waits at most for one of them. */
  blobChunkBytes: 256 * 1024,
  blobChunksInFlight: 2,
  tensorRank: 16,
  tensorsPerFrame: 64,
  nameLength: 100,
  /** Computations in flight per device; one over it counts as an erasure for the next request. */
  inFlightPerDevice: 16,
  /** Requests in flight per deployment, and those that wait for a place, before 503. */
  requestsInFlight: 64,
  requestsQueued: 256,
  devices: 256,
  deployments: 32,
  /**
   * A connection over which nothing comes back is closed after pingInterval + pingTimeout. Generous, because nobody
   * waits for it: a device that does not answer computations counts as an erasure long before, and on a machine
   * that is short of processor time a stall of two seconds is no death.
   */
  pingIntervalMs: 1_000,
  pingTimeoutMs: 4_000,
  requestDeadlineMs: 10_000,
  reconnectMinMs: 100,
  reconnectMaxMs: 2_000,
  /** From the socket's connection to its valid hello. */
  helloTimeoutMs: 5_000,
  blobTimeoutMs: 30_000,
} as const;
