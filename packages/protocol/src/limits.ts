/** The limits of every queue, message size and retry of the wire. Times are in milliseconds, sizes in bytes. */
export const LIMITS = {
  /** A tensor frame or control message. Socket.IO silently drops the connection for one byte more. */
  frameBytes: 64 * 1024 * 1024,
  /** The body of an inference request. */
  inferenceBodyBytes: 64 * 1024 * 1024,
  /** Inference over gRPC: calls of one connection at a time. Each may hold a message of the largest size. */
  grpcCallsPerConnection: 256,
  /** Inference over gRPC: requests of one stream that run at a time. More wait in the connection. */
  grpcCallsPerStream: 16,
  /** An uploaded model. Protobuf allows less than 2 GiB. */
  modelBytes: 2 * 1024 * 1024 * 1024 - 1,
  /** A JSON body of the admin API. */
  apiBodyBytes: 1024 * 1024,
  /** A shard chunk. Inference on the other connection waits for at most one. */
  blobChunkBytes: 256 * 1024,
  blobChunksInFlight: 2,
  tensorRank: 16,
  tensorsPerFrame: 64,
  nameLength: 100,
  /** Computations in flight per device. A device at the limit counts as an erasure for the next request. */
  inFlightPerDevice: 16,
  /** Computations of mirrors in flight per device. They do not count toward the limit above. */
  mirroredPerDevice: 8,
  /** Requests in flight and queued per deployment. More are refused with status 503. */
  requestsInFlight: 64,
  requestsQueued: 256,
  devices: 256,
  deployments: 32,
  /**
   * A silent connection is closed after pingInterval + pingTimeout. No request waits for that: a device that does not
   * answer counts as an erasure much earlier. A busy machine may stall for two seconds without being dead.
   */
  pingIntervalMs: 1_000,
  pingTimeoutMs: 4_000,
  /** A device reports a computation that it received so long ago and has not finished, again and again. */
  reportComputingMs: 250,
  requestDeadlineMs: 10_000,
  reconnectMinMs: 100,
  reconnectMaxMs: 2_000,
  /** Time from the connection to a valid hello. */
  helloTimeoutMs: 5_000,
  blobTimeoutMs: 30_000,
  /** For a key of a tensor socket, and for the answer to its upgrade. A key is valid for `tensorKeyMs`. */
  tensorSocketMs: 2_000,
  tensorKeyMs: 5_000,
} as const;
