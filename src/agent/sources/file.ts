import { open } from 'node:fs/promises';
import { CodedError } from '../../base/errors.ts';
import { MAX_SOURCE_BYTES } from './lines.ts';

/** The text of a file of join addresses. Rejects when it cannot be read, is no regular file or is too large. */
export async function readSource(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await regular(file, path);
    if (size > MAX_SOURCE_BYTES) throw tooLarge(path, size);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(MAX_SOURCE_BYTES), 0, MAX_SOURCE_BYTES, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

async function regular(file: Awaited<ReturnType<typeof open>>, path: string): Promise<{ size: number }> {
  const stat = await file.stat();
  if (stat.isFile()) return stat;
  throw new CodedError('ERR_JOIN_SOURCE', `${path} is no regular file`);
}

function tooLarge(path: string, size: number): CodedError {
  return new CodedError('ERR_JOIN_SOURCE', `${path} has ${size} bytes, at most ${MAX_SOURCE_BYTES} are read`);
}
