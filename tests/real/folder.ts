/**
 * What a folder takes.
 *
 * @module
 */

/** Returns the bytes of all files in a folder and below whose name ends so. */
export function folderBytes(directory: string, ending = ""): number {
  let bytes = 0;
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    const path = `${directory}/${name}`;
    if (isDirectory) bytes += folderBytes(path, ending);
    else if (name.endsWith(ending)) bytes += fileBytes(path);
  }
  return bytes;
}

/** A file may go while the folder is read. */
function fileBytes(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
