import { fileURLToPath } from 'node:url';
import type { NextConfig } from 'next';

const config: NextConfig = {
  poweredByHeader: false,
  reactStrictMode: true,
  /** Workspace packages are consumed as TypeScript source. */
  transpilePackages: ['@sparewheel/agent', '@sparewheel/engine', '@sparewheel/protocol', '@sparewheel/zoo'],
  serverExternalPackages: ['@libsql/client', '@prisma/adapter-libsql', '@prisma/client', 'onnxruntime-node'],
  turbopack: { root: fileURLToPath(new URL('../..', import.meta.url)) },
  experimental: { optimizePackageImports: ['radix-ui'] },
  /** `npm run check` type-checks the whole repository; a build need not do it a second time. */
  typescript: { ignoreBuildErrors: true },
  devIndicators: false,
  /** Where one would look for them; deployments live on the live page. */
  redirects: async () => [
    { source: '/deployments', destination: '/', permanent: false },
    { source: '/deployments/:name', destination: '/?deployment=:name', permanent: false },
  ],
};

export default config;
