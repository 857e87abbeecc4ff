import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

export default {
  input: join(root, 'openapi/openapi.json'),
  output: {
    path: join(root, 'target/contract/clients/hey-api'),
    // Node finds no modules without it.
    module: { extension: '.js' },
  },
  plugins: ['@hey-api/typescript', '@hey-api/sdk', '@hey-api/client-fetch'],
};
